import { busyError, type AdaptiveLimit, type ReleaseSlot } from '@halles/concurrency/adaptive-limit'
import { activeCaller, type Caller } from '@halles/concurrency/caller'
import { AppError } from '@halles/errors/app-error'
import type { Dispatcher } from 'undici'

/**
 * Creates an interceptor for requests to one service: each takes a slot of the limit until its response begins, and is refused
 * (`busyError`) without one. A request whose caller is gone, or no longer waits, is not sent, even if it has waited for a
 * connection. Requests without a caller, such as health checks, are not limited.
 */
export const createLimitedDispatch =
  (limit: AdaptiveLimit): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) => {
    const caller = activeCaller()
    if (!caller) return dispatch(options, handler)
    const refuse = (error: Error): true => {
      queueMicrotask(() => handler.onResponseError?.(NO_CONTROLLER, error))
      return true
    }
    if (!isWaiting(caller)) return refuse(notWaiting)
    const release = limit.acquire(caller.networks)
    if (!release) return refuse(busyError())
    return dispatch(options, releaseWithResponse(handler, release, caller))
  }

/** What undici itself passes to a handler whose request was never started. */
const NO_CONTROLLER = null as unknown as Dispatcher.DispatchController

/** Created in advance: clients that give up often are not to cost more than others. */
const notWaiting = new AppError('TIMEOUT', 'This was not begun in the time that its caller waits: nothing was done.')

const isWaiting = ({ deadline, isGone }: Caller): boolean => deadline > Date.now() && !isGone()

function releaseWithResponse(
  handler: Dispatcher.DispatchHandler,
  release: ReleaseSlot,
  caller: Caller,
): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller, context) => {
      if (isWaiting(caller)) handler.onRequestStart?.(controller, context)
      else controller.abort(notWaiting)
    },
    onRequestUpgrade: (...upgrade) => handler.onRequestUpgrade?.(...upgrade),
    onResponseStart: (controller, status, headers, message) => {
      // An error of the client, or of a dependency that is away, is answered fast, whatever the load.
      release((status >= 400 && status < 500) || status === 503 ? 'ignored' : 'answered')
      handler.onResponseStart?.(controller, status, headers, message)
    },
    onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError: (controller, error) => {
      // A timeout is slow, a connection that cannot be opened says nothing.
      release(error instanceof AppError && error !== notWaiting ? 'answered' : 'ignored')
      handler.onResponseError?.(controller, error)
    },
  }
}
