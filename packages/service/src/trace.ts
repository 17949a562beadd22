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

// One mechanism whether or not spans are recorded: OpenTelemetry's context and W3C Trace Context. Without an SDK the
// tracer makes no spans, and all that remains is an id that travels.
// Both calls return false, and change nothing, when telemetry.ts has set up the SDK before.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())

const tracer = trace.getTracer('halles')

/** The trace that a carrier of headers belongs to, or a new one when it carries none. */
export function traceFrom(carrier: Record<string, unknown>): Context {
  const active = context.active()
  if (trace.getSpanContext(active)) return active // an instrumentation was here first
  const extracted = propagation.extract(ROOT_CONTEXT, carrier)
  const remote = trace.getSpanContext(extracted)
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: remote?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    traceFlags: remote?.traceFlags ?? TraceFlags.NONE,
  })
}

/** So many random bytes, as hexadecimal digits; from a pool, because asking the system for each request shows. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool.toString('hex', used, (used += bytes))
}
const pool = Buffer.alloc(4096)
let used = pool.length

/** Runs `work` inside a trace that traceFrom gave. */
export const inTrace = <T>(of: Context, work: () => T): T => context.with(of, work)

/** Runs `work` outside of any trace: for what goes on in the background, whoever happened to set it off. */
export const inNoTrace = <T>(work: () => T): T => context.with(ROOT_CONTEXT, work)

/** The present trace's id, 32 hexadecimal digits; undefined outside of any. */
export const traceId = (of: Context = context.active()): string | undefined => trace.getSpanContext(of)?.traceId

/** The W3C headers that carry the present trace onward: `{traceparent, tracestate?}`, empty outside of any trace. */
export function traceHeaders(of: Context = context.active()): Record<string, string> {
  const carrier: Record<string, string> = {}
  propagation.inject(of, carrier)
  return carrier
}

/**
 * Runs one step of work as a span, below the trace that `traceparent` names (a message's) or the present one.
 * An error marks the span and goes on to the caller.
 */
export async function inSpan<T>(
  name: string,
  kind: 'producer' | 'consumer' | 'internal',
  traceparent: string | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const parent = traceparent === undefined ? context.active() : inherit(traceparent)
  const span = tracer.startSpan(name, { kind: kinds[kind] }, parent)
  try {
    return await context.with(span.isRecording() ? trace.setSpan(parent, span) : parent, work)
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
    throw error
  } finally {
    span.end()
  }
}

/** A context below a message's traceparent, whatever is active here. */
const inherit = (traceparent: string): Context => propagation.extract(ROOT_CONTEXT, { traceparent })

const kinds = { producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER, internal: SpanKind.INTERNAL }
