import { createAdaptiveLimit, type CallerNetwork } from '@halles/concurrency/adaptive-limit'
import { DEADLINE_HEADER, withinDeadline } from '@halles/concurrency/caller'
import type { AppError } from '@halles/errors/app-error'
import type { Dispatcher } from 'undici'
import { createEventSource } from './event-source.ts'
import { createLimitedDispatch } from './limited-dispatch.ts'
import { CONNECTIONS, createLoadBalancer } from './load-balancer.ts'
import { createTimeoutError, isConnectionReset, toUpstreamError, type UpstreamResponse } from './upstream-response.ts'

export type UpstreamClient = ReturnType<typeof createUpstreamClient>

/** How many requests may wait for each connection to a service at most: a burst waits, a flood is refused. */
const REQUESTS_PER_CONNECTION = 2

/**
 * Creates an HTTP client for one service, at one or several addresses, over keep-alive connections.
 *
 * @param timeout how long a whole response may take, in milliseconds
 * @param outageGracePeriod how long requests wait after the service became unreachable, in milliseconds
 * @param onAvailabilityChange called when the service as a whole becomes unreachable (false) or reachable (true)
 * @param target the median duration of requests, in milliseconds, above which fewer are sent at a time
 */
export function createUpstreamClient(
  urls: readonly string[],
  timeout: number,
  outageGracePeriod: number,
  onAvailabilityChange: (available: boolean) => void,
  target: number,
) {
  const loadBalancer = createLoadBalancer(urls, { timeout, outageGracePeriod, onAvailabilityChange })
  const limit = createAdaptiveLimit({ max: REQUESTS_PER_CONNECTION * CONNECTIONS * urls.length, target })
  // Connections of their own, since each is taken for minutes. `app.eventStreams` bounds their number.
  const eventStreams = createLoadBalancer(urls, {
    timeout,
    outageGracePeriod,
    onAvailabilityChange: () => {},
    connections: null,
  })
  const dispatcher = loadBalancer.dispatcher.compose(createLimitedDispatch(limit))
  return {
    dispatcher,

    /** How long a response may take for the active caller, in milliseconds. */
    timeout: (): number => Math.max(1, withinDeadline(timeout)),

    /** Whether a request of a client in these networks would be refused now. */
    isBusy: (networks: readonly CallerNetwork[]): boolean => limit.isFull(networks),

    /** The present limit on concurrent requests, and how many there are. */
    limitState: limit.state,

    /**
     * Posts JSON and returns status and text of the response, whatever they are.
     *
     * @param idempotent whether the request may be sent once more when the connection broke before a response
     * @param deadline when the caller stops waiting, in milliseconds since 1970
     * @throws AppError `UNAVAILABLE`, `TIMEOUT`
     */
    async post(
      path: string,
      headers: Record<string, string>,
      body: string,
      idempotent: boolean,
      deadline = Infinity,
    ): Promise<UpstreamResponse> {
      const attempt = (): Promise<UpstreamResponse> => {
        const ms = Math.max(1, Math.min(withinDeadline(timeout), deadline - Date.now()))
        const sent = { ...headers, [DEADLINE_HEADER]: String(ms) }
        return send(dispatcher, { path, method: 'POST', headers: sent, body }, ms)
      }
      try {
        return await attempt()
      } catch (error) {
        if (!idempotent || !isConnectionReset(error)) throw toUpstreamError(error)
      }
      return attempt().catch((error: unknown) => {
        throw toUpstreamError(error)
      })
    },

    /** Opens a stream of Server-Sent Events. */
    openEvents: createEventSource(eventStreams.dispatcher, timeout),

    /** Resolves when at least one address is reachable now, else rejects. */
    checkHealth: loadBalancer.checkHealth,

    close: async (): Promise<void> => {
      await Promise.all([loadBalancer.close(), eventStreams.close()])
    },
  }
}

/**
 * Uses undici's dispatch: half the cost of `pool.request` with a body stream. The timeout covers the wait for a connection,
 * the request and the response.
 */
function send(dispatcher: Dispatcher, request: Dispatcher.DispatchOptions, timeout: number): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    let status = 0
    let timedOut: AppError | undefined
    let started: Dispatcher.DispatchController | undefined
    const chunks: Buffer[] = []
    const timer = setTimeout(() => {
      timedOut = createTimeoutError()
      started?.abort(timedOut)
      reject(timedOut) // the request may still wait for a connection
    }, timeout)
    dispatcher.dispatch(
      { ...request, headersTimeout: 0, bodyTimeout: 0 },
      {
        onRequestStart: (controller) => {
          started = controller
          if (timedOut) controller.abort(timedOut) // its client has its answer: the request must not be sent
        },
        onResponseStart: (_controller, statusCode) => {
          status = statusCode
        },
        onResponseData: (_controller, chunk) => {
          chunks.push(chunk)
        },
        onResponseEnd: () => {
          clearTimeout(timer)
          resolve({ status, text: (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8') })
        },
        onResponseError: (_controller, error) => {
          clearTimeout(timer)
          reject(error)
        },
      },
    )
  })
}
