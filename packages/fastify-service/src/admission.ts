import { busyError, createAdaptiveLimit, isBusyError, type ReleaseSlot } from '@halles/concurrency/adaptive-limit'
import type { Caller } from '@halles/concurrency/caller'
import { AppError } from '@halles/errors/app-error'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** Gives back the slot of the service's concurrency limit that the request has. */
    releaseSlot: ReleaseSlot | undefined
  }
}

/**
 * The limit on concurrent requests of one service process: above what the gateway's own limits let through, since it protects
 * the service from other callers, and from several gateways.
 */
const serviceLimit = { max: 512, min: 100 } as const

/** The median duration above which a service takes fewer requests at a time, in milliseconds, unless it says another one. */
export const DEFAULT_TARGET = 1000

/** How often the log says that requests were refused, in milliseconds. One line for each would cost more than the refusal. */
const LOG_INTERVAL = 5000

/**
 * Limits the concurrent requests of a service by an adaptive limit. A request beyond it is refused before its access token is
 * verified and its body is read, with `UNAVAILABLE`; it has a slot from the end of its body until its response begins.
 *
 * @param isExempt whether a route, such as a health check, is never refused
 * @param target the median duration above which fewer requests are taken at a time, in milliseconds
 */
export function limitConcurrency(
  app: FastifyInstance,
  isExempt: (route: string | undefined) => boolean,
  target = DEFAULT_TARGET,
): void {
  const limit = createAdaptiveLimit({ ...serviceLimit, target })
  app.decorateRequest('releaseSlot', undefined)
  app.addHook('onRequest', (request, _reply, done) => {
    if (!isExempt(request.routeOptions.url) && limit.isFull(request.networks)) done(busyError())
    else done()
  })
  app.addHook('preHandler', (request, _reply, done) => {
    if (isExempt(request.routeOptions.url)) return done()
    request.releaseSlot = limit.acquire(request.networks)
    if (request.releaseSlot) done()
    else done(busyError())
  })
  app.addHook('onSend', (request, { statusCode }, _payload, done) => {
    // An error of the client, or of a dependency that is away, is answered fast, whatever the load.
    request.releaseSlot?.((statusCode >= 400 && statusCode < 500) || statusCode === 503 ? 'ignored' : 'answered')
    done()
  })
}

/** Creates the caller of a request: who waits for it, until when, and on which networks it is. */
export const createCaller = ({ deadline, networks }: FastifyRequest, { raw }: FastifyReply): Caller => ({
  deadline,
  networks,
  isGone: () => raw.destroyed,
})

/** @throws AppError `TIMEOUT` when nobody waits for the response any more */
export function requireWaiting({ deadline, isGone }: Caller): void {
  if (deadline <= Date.now() || isGone())
    throw new AppError('TIMEOUT', 'This was not begun in the time that its caller waits: nothing was done.')
}

/** Creates a counter of refused requests that writes one line to the log at a time. */
export function createRefusalLog(log: FastifyInstance['log'], count: () => void): (error: unknown) => boolean {
  let refused = 0
  let loggedAt = -Infinity
  return (error) => {
    if (!isBusyError(error)) return false
    count()
    refused++
    const now = performance.now()
    if (now - loggedAt >= LOG_INTERVAL) {
      log.warn({ refused }, 'requests refused: beyond the capacity of this process, or of the service behind it')
      refused = 0
      loggedAt = now
    }
    return true
  }
}
