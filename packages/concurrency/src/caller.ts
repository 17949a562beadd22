import { context, createContextKey, type Context } from '@opentelemetry/api'
import type { CallerNetwork } from './adaptive-limit.ts'

/** Who waits for the present work. */
export type Caller = {
  /** When the caller stops waiting, in milliseconds since 1970; Infinity when it did not say. */
  deadline: number
  /** Whether its connection is closed: nobody can read a result. */
  isGone: () => boolean
  /** The networks that it belongs to, from narrow to wide. */
  networks: readonly CallerNetwork[]
}

/**
 * The header that says how many milliseconds the sender waits for the response. Envoy sets it under this name, so that a
 * service can stop early.
 */
export const DEADLINE_HEADER = 'x-envoy-expected-rq-timeout-ms'

const CALLER = createContextKey('halles caller')

/** Returns a context in which `activeCaller` is this caller. */
export const withCaller = (of: Context, caller: Caller): Context => of.setValue(CALLER, caller)

/**
 * The caller for whom the present work is done; undefined for background work. In a batch it is the caller of the first item, so
 * batches take deadlines as arguments.
 */
export const activeCaller = (): Caller | undefined => context.active().getValue(CALLER) as Caller | undefined

/** The time until the active caller's deadline, but `ms` at most, both in milliseconds; 0 when it has passed. */
export const withinDeadline = (ms: number): number =>
  Math.max(0, Math.min(ms, (activeCaller()?.deadline ?? Infinity) - Date.now()))

/** Reads the deadline in request headers, in milliseconds since 1970; Infinity without a valid one. */
export function readDeadline(headers: Readonly<Record<string, unknown>>): number {
  const ms = headers[DEADLINE_HEADER]
  return typeof ms === 'string' && /^\d{1,9}$/.test(ms) ? Date.now() + Number(ms) : Infinity
}
