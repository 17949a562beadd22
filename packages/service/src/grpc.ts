import { Metadata, status, type ServerUnaryCall, type ServiceError, type sendUnaryData } from '@grpc/grpc-js'
import type { Logger } from './log.ts'
import { Refusal, refusalOf, refusals } from './refusal.ts'
import { inTrace, traceFrom, traceHeaders } from './trace.ts'

/**
 * Makes a gRPC method out of an async function: it runs in the caller's trace, a Refusal becomes its gRPC status with
 * its sentence, and anything else is logged and told as INTERNAL without its cause.
 *
 * `deadline` is when the caller stops waiting, in milliseconds since 1970, Infinity when it never does: from then on it
 * is answered DEADLINE_EXCEEDED, and work not begun yet may be left.
 */
export const unary =
  <Q, A>(log: Logger, answer: (request: Q, deadline: number) => Promise<A>) =>
  (call: ServerUnaryCall<Q, A>, reply: sendUnaryData<A>): void => {
    void inTrace(traceFrom(call.metadata.getMap()), async () => {
      try {
        reply(null, await answer(call.request, Number(call.getDeadline())))
      } catch (error) {
        const refusal = refusalOf(error)
        if (!refusal) log.error({ err: error }, 'gRPC call failed')
        reply({
          code: refusal ? refusals[refusal.code].grpc : status.INTERNAL,
          details: refusal?.message ?? 'Something went wrong here.',
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
 * Calls a peer, once, and waits at most `deadline` milliseconds. The present trace travels as metadata.
 *
 * @throws Refusal `UNAVAILABLE` when the peer cannot be reached or ends the call, `TIMEOUT` when it is too slow; any other
 *   status as it is.
 */
export function ask<Q, A>(method: Method<Q, A>, request: Q, deadline: number): Promise<A> {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(traceHeaders())) metadata.set(name, value)
  return new Promise<A>((resolve, reject) => {
    method(request, metadata, { deadline: Date.now() + deadline }, (error, answer) => {
      if (!error) resolve(answer)
      else if (error.code === status.DEADLINE_EXCEEDED)
        reject(new Refusal('TIMEOUT', 'A service behind this one took too long.', { cause: error }))
      // CANCELLED: nobody here cancels, so the peer did, in a stop that was forced.
      else if (error.code === status.UNAVAILABLE || error.code === status.CANCELLED)
        reject(new Refusal('UNAVAILABLE', 'A service behind this one cannot be reached right now.', { cause: error }))
      else reject(error)
    })
  })
}

/** How long after a peer was first missed calls wait for it, in milliseconds: a restart takes 1 to 3 s. */
const PATIENCE = 5000
/** How long until the next try, in milliseconds. */
const AGAIN_AFTER = 100

/**
 * Calls one peer through its restart: for the first 5 s in which it cannot be reached, a call that may be repeated is made
 * again, within its own deadline. After that calls fail at once, until one gets through. The time counts from when the peer
 * was first missed, not by call, so an outage that lasts holds nobody up.
 */
export function patient() {
  let missedSince: number | undefined

  /** `deadline` is in milliseconds since 1970, `call` one try. @throws what the last try throws. */
  return async function throughRestart<A>(deadline: number, call: () => Promise<A>): Promise<A> {
    for (;;)
      try {
        const answer = await call()
        missedSince = undefined
        return answer
      } catch (error) {
        const away = error instanceof Refusal && error.code === 'UNAVAILABLE'
        if (!away) throw error
        missedSince ??= Date.now()
        const next = Date.now() + AGAIN_AFTER
        if (next > missedSince + PATIENCE || next > deadline) throw error
        await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER))
      }
  }
}
