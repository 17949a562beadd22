import { AsyncResource } from 'node:async_hooks'
import { waitAtMost } from '@halles/concurrency/with-timeout'
import { Pool, type Dispatcher } from 'undici'
import { createHealthCheckedConnector, isConnectError, probeAddress } from './connector.ts'

/**
 * How long opening a connection may take, in milliseconds. It is never more than half of the timeout, to leave time for
 * another address.
 */
const CONNECT_TIMEOUT = 2000

/**
 * How long an idle connection is kept, in milliseconds: shorter than a stopping service leaves it open
 * (packages/fastify-service/src/graceful-shutdown.ts), so that no request meets a connection that is being closed.
 */
const KEEP_ALIVE = 500

/** The most connections to one address. */
export const CONNECTIONS = 256

/** How long a request waits for a probe of all addresses, also when there is no grace period, in milliseconds. */
const LAST_PROBE_TIMEOUT = 100

/** The first and the longest pause between two probes of an unreachable address, in milliseconds. */
const PROBE_INTERVAL = 50
const MAX_PROBE_INTERVAL = 500

export type LoadBalancer = ReturnType<typeof createLoadBalancer>

type WaitingRequest = { retry: () => void; fail: (error: Error) => void }

/** An outage of the service: none of its addresses can be reached. Requests wait while `inGracePeriod`. */
type Outage = { since: number; cause: Error; inGracePeriod: boolean; timer: NodeJS.Timeout }

/**
 * Creates a Dispatcher over the addresses of one service. Requests are distributed round robin. A request whose
 * connection cannot be opened goes to the next address, whatever its method, since nothing was sent. When no address is
 * reachable, requests wait until `outageGracePeriod` milliseconds after the outage began. Later requests fail after one
 * probe of all addresses, until an address answers.
 *
 * @param connections the most connections to one address; null for any number
 * @param onAvailabilityChange called with false when the last reachable address is lost, with true when one is back
 */
export function createLoadBalancer(
  urls: readonly string[],
  {
    timeout,
    outageGracePeriod,
    onAvailabilityChange,
    connections = CONNECTIONS,
  }: {
    timeout: number
    outageGracePeriod: number
    onAvailabilityChange: (available: boolean) => void
    connections?: number | null
  },
) {
  const connect = createHealthCheckedConnector(Math.min(CONNECT_TIMEOUT, timeout / 2))
  const pools = urls.map(
    // One request at a time on a connection: with pipelining, a response could wait behind a slow one.
    (url) =>
      new Pool(url, {
        connect,
        pipelining: 1,
        connections,
        keepAliveTimeout: KEEP_ALIVE,
        keepAliveMaxTimeout: KEEP_ALIVE,
      }),
  )
  const unreachable = new Set<number>()
  const waiting = new Set<WaitingRequest>()
  let last = -1
  let outage: Outage | undefined
  let closed = false

  const nextReachable = (): number | undefined => {
    for (let tried = 0; tried < pools.length; tried++) {
      last = (last + 1) % pools.length
      if (!unreachable.has(last)) return last
    }
    return undefined
  }

  const markUnreachable = (index: number, cause: Error): void => {
    if (closed || unreachable.has(index)) return
    unreachable.add(index)
    if (unreachable.size === pools.length) {
      const timer = setTimeout(failWaiting, Math.max(outageGracePeriod, LAST_PROBE_TIMEOUT))
      outage = { since: performance.now(), cause, inGracePeriod: true, timer }
      onAvailabilityChange(false)
      void probeAll() // another one may be back since its last probe, or since a probe of it began to hang
    }
    void probeUntilReachable(index)
  }

  /** Ends the grace period and fails every request that waits. */
  const failWaiting = (): void => {
    if (!outage) return
    outage.inGracePeriod = false
    const { cause } = outage
    const requests = [...waiting]
    waiting.clear()
    for (const { fail } of requests) fail(cause)
  }

  const probeUntilReachable = async (index: number): Promise<void> => {
    for (
      let pause = PROBE_INTERVAL;
      !closed && unreachable.has(index);
      pause = Math.min(pause * 1.5, MAX_PROBE_INTERVAL)
    ) {
      await new Promise((resolve) => setTimeout(resolve, pause))
      const reachable = await probeAddress(urls[index]!, connect).then(
        () => true,
        () => false,
      )
      if (reachable) return markReachable(index)
    }
  }

  let probingAll = false
  /** Probes all addresses once for all requests that wait: they are retried, or after the grace period fail soon. */
  const probeAll = async (): Promise<void> => {
    if (probingAll) return
    probingAll = true
    const probes = urls.map((url, index) => probeAddress(url, connect).then(() => markReachable(index)))
    await waitAtMost(Promise.any(probes), LAST_PROBE_TIMEOUT).catch(() => {}) // all failed: so do the requests, below
    probingAll = false
    if (outage && !outage.inGracePeriod) failWaiting()
  }

  const markReachable = (index: number): void => {
    unreachable.delete(index)
    if (!outage) return
    clearTimeout(outage.timer)
    outage = undefined
    onAvailabilityChange(true)
    const requests = [...waiting]
    waiting.clear()
    for (const { retry } of requests) retry()
  }

  /** `deadline` ends the retries of a request whose addresses answer probes but refuse its connections. */
  const dispatch = (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, deadline = Infinity) => {
    const index = nextReachable()
    if (index !== undefined)
      return pools[index]!.dispatch(
        options,
        onConnectError(handler, (error) => {
          markUnreachable(index, error)
          dispatch(options, handler, Math.min(deadline, performance.now() + outageGracePeriod))
        }),
      )
    const fail = (error: Error): void => handler.onResponseError?.(NO_CONTROLLER, error)
    if (outage && performance.now() > deadline) {
      const { cause } = outage
      queueMicrotask(() => fail(cause))
      return true
    }
    const retry = AsyncResource.bind(() => void dispatch(options, handler, deadline))
    waiting.add({ retry, fail })
    if (outage && !outage.inGracePeriod) void probeAll()
    return true
  }

  return {
    /** An undici Dispatcher: everything but the choice of the address is that of a Pool. */
    dispatcher: pools[0]!.compose(() => (options, handler) => dispatch(options, handler)),

    /** Resolves when at least one address is reachable now, else rejects. */
    checkHealth: (): Promise<void> => Promise.any(urls.map((url) => probeAddress(url, connect))),

    /** Fails the requests that wait and destroys all connections. */
    close: async (): Promise<void> => {
      closed = true
      clearTimeout(outage?.timer)
      for (const { fail } of waiting) fail(new Error('the gateway is closed'))
      waiting.clear()
      await Promise.all(pools.map((pool) => pool.destroy()))
    },
  }
}

/** What undici itself passes to a handler whose request was never started. */
const NO_CONTROLLER = null as unknown as Dispatcher.DispatchController

/** Wraps a handler: connection errors go to `onError` instead of the handler. */
function onConnectError(
  handler: Dispatcher.DispatchHandler,
  onError: (error: Error) => void,
): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onRequestUpgrade: (...upgrade) => handler.onRequestUpgrade?.(...upgrade),
    onResponseStart: (...response) => handler.onResponseStart?.(...response),
    onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError: (controller, error) => {
      if (isConnectError(error)) onError(error)
      else handler.onResponseError?.(controller, error)
    },
  }
}
