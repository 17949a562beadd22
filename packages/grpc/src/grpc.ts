import { Metadata, status, type ServerUnaryCall, type ServiceError, type sendUnaryData } from '@grpc/grpc-js'
import type { Logger } from '@halles/telemetry/log'
import { AppError, toAppError, errorCodes } from '@halles/errors/app-error'
import { runInTrace, extractTrace, traceHeaders } from '@halles/telemetry/trace'

/**
 * Creates a unary gRPC handler from an async function. It runs in the caller's trace. An AppError becomes its gRPC status
 * with its message; any other error is logged and answered with INTERNAL, without its cause.
 *
 * `deadline` is the caller's deadline in milliseconds since 1970, Infinity when it has none. grpc-js answers
 * DEADLINE_EXCEEDED then, so work that has not started may be skipped.
 */
export const unaryHandler =
  <Q, A>(log: Logger, handle: (request: Q, deadline: number) => Promise<A>) =>
  (call: ServerUnaryCall<Q, A>, reply: sendUnaryData<A>): void => {
    void runInTrace(extractTrace(call.metadata.getMap()), async () => {
      try {
        reply(null, await handle(call.request, Number(call.getDeadline())))
      } catch (error) {
        const appError = toAppError(error)
        if (!appError) log.error({ err: error }, 'gRPC call failed')
        reply({
          code: appError ? errorCodes[appError.code].grpc : status.INTERNAL,
          details: appError?.message ?? 'Something went wrong here.',
        })
      }
    })
  }

type Method<Q, A> = (
  request: Q,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, answer: A) => void,
) => unknown

/**
 * Makes one unary gRPC call with a timeout of `deadline` milliseconds. The active trace is sent as metadata.
 *
 * @throws AppError `UNAVAILABLE` when the server cannot be reached or cancels the call, `TIMEOUT` after the deadline; any
 *   other gRPC error unchanged.
 */
export function callUnary<Q, A>(method: Method<Q, A>, request: Q, deadline: number): Promise<A> {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(traceHeaders())) metadata.set(name, value)
  return new Promise<A>((resolve, reject) => {
    method(request, metadata, { deadline: Date.now() + deadline }, (error, answer) => {
      if (!error) resolve(answer)
      else if (error.code === status.DEADLINE_EXCEEDED)
        reject(new AppError('TIMEOUT', 'A service behind this one took too long.', { cause: error }))
      // CANCELLED: no client here cancels, so the server did, in a forced shutdown.
      else if (error.code === status.UNAVAILABLE || error.code === status.CANCELLED)
        reject(new AppError('UNAVAILABLE', 'A service behind this one cannot be reached right now.', { cause: error }))
      else reject(error)
    })
  })
}

/** How long calls are retried after an outage began, in milliseconds. A restart takes 1 to 3 s. */
const OUTAGE_GRACE_PERIOD = 5000
/** The pause between attempts, in milliseconds. */
const RETRY_DELAY = 100

/**
 * Creates a retry that spans the restart of one server. For the first 5 s of an outage, an idempotent call that fails with
 * `UNAVAILABLE` is repeated within its own deadline. After that calls fail at once until one succeeds. The 5 s count from
 * the start of the outage and not from each call, so a long outage delays no caller.
 */
export function createOutageRetry() {
  let unavailableSince: number | undefined

  /** `deadline` is in milliseconds since 1970; `call` makes one attempt. @throws the error of the last attempt. */
  return async function throughRestart<A>(deadline: number, call: () => Promise<A>): Promise<A> {
    for (;;)
      try {
        const answer = await call()
        unavailableSince = undefined
        return answer
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error
        unavailableSince ??= Date.now()
        const next = Date.now() + RETRY_DELAY
        if (next > unavailableSince + OUTAGE_GRACE_PERIOD || next > deadline) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY))
      }
  }
}
