import { randomFillSync } from 'node:crypto'
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'

// OpenTelemetry's context and W3C Trace Context propagate the trace id, whether or not spans are recorded. Without an SDK the
// tracer creates no spans. Both calls have no effect when start-telemetry.ts has started the SDK before.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())

const tracer = trace.getTracer('halles')

/** Returns the trace context of incoming headers; a new one when they carry none. */
export function extractTrace(carrier: Record<string, unknown>): Context {
  const active = context.active()
  if (trace.getSpanContext(active)) return active // set by an instrumentation
  const extracted = propagation.extract(ROOT_CONTEXT, carrier)
  const remote = trace.getSpanContext(extracted)
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: remote?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    traceFlags: remote?.traceFlags ?? TraceFlags.NONE,
  })
}

/** Returns random bytes as hexadecimal digits, from a pool, because a system call for each request is measurable. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool.toString('hex', used, (used += bytes))
}
const pool = Buffer.alloc(4096)
let used = pool.length

/** Runs `work` within a trace context of extractTrace. */
export const runInTrace = <T>(traceContext: Context, work: () => T): T => context.with(traceContext, work)

/** Runs `work` outside any trace: for background work that a request happens to start. */
export const runOutsideTrace = <T>(work: () => T): T => context.with(ROOT_CONTEXT, work)

/** Returns the id of a trace context, 32 hexadecimal digits; undefined outside any trace. */
export const traceId = (traceContext: Context = context.active()): string | undefined =>
  trace.getSpanContext(traceContext)?.traceId

/** Returns the W3C headers that propagate a trace: `{traceparent, tracestate?}`, empty outside any trace. */
export function traceHeaders(traceContext: Context = context.active()): Record<string, string> {
  const carrier: Record<string, string> = {}
  propagation.inject(traceContext, carrier)
  return carrier
}

/**
 * Runs `work` in a span: a child of `traceparent` (such as a message's), by default of the active span. An error is recorded in
 * the span and rethrown.
 */
export async function runInSpan<T>(
  name: string,
  kind: 'producer' | 'consumer' | 'internal',
  traceparent: string | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const parent = traceparent === undefined ? context.active() : contextFrom(traceparent)
  const span = tracer.startSpan(name, { kind: spanKinds[kind] }, parent)
  try {
    return await context.with(span.isRecording() ? trace.setSpan(parent, span) : parent, work)
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
    throw error
  } finally {
    span.end()
  }
}

/** The context of a message's traceparent, independent of the active one. */
const contextFrom = (traceparent: string): Context => propagation.extract(ROOT_CONTEXT, { traceparent })

const spanKinds = { producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER, internal: SpanKind.INTERNAL }
