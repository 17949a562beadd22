import { AsyncResource } from 'node:async_hooks'
import { Pool, type Dispatcher } from 'undici'
import { greetedConnection, isUnopened, looksAt } from './connection.ts'

/** How long opening a connection may take, in milliseconds; half of the whole time at most, for another address. */
const CONNECT_WITHIN = 2000

/**
 * How long a connection is kept idle, in milliseconds: shorter than a service that stops leaves it open
 * (packages/service/src/stopping.ts), so that no request meets a connection that is being closed.
 */
const IDLE = 500

/** How long who comes when patience is over waits for a look at all addresses, in milliseconds. */
const GLANCE = 100

/** How often an address that was missed is looked at, in milliseconds: at first, and at last. */
const LOOK_AFTER = 50
const LOOK_EVERY = 500

export type Addresses = ReturnType<typeof addressesOf>

type Waiting = { go: () => void; fail: (error: Error) => void }

/**
 * The addresses of one service as one Dispatcher. Requests go round; one whose connection cannot be opened goes to the
 * next address, whatever its method, since nothing was sent. When no address can be had, requests wait, until
 * `patience` milliseconds after the service was first missed; from then on they fail after one look, until an address
 * answers.
 *
 * @param told hears when the service as a whole is missed, and when it is back
 */
export function addressesOf(
  urls: readonly string[],
  { within, patience, told }: { within: number; patience: number; told: (away: boolean) => void },
) {
  const connect = greetedConnection(Math.min(CONNECT_WITHIN, within / 2))
  const pools = urls.map(
    // One request at a time on a connection: an answer must not wait behind a slow one (pipelining).
    (url) =>
      new Pool(url, { connect, pipelining: 1, connections: 256, keepAliveTimeout: IDLE, keepAliveMaxTimeout: IDLE }),
  )
  const away = new Set<number>()
  const waiting = new Set<Waiting>()
  let last = -1
  let missed: { since: number; cause: Error; patient: boolean; timer: NodeJS.Timeout } | undefined
  let closed = false

  const next = (): number | undefined => {
    for (let tried = 0; tried < pools.length; tried++) {
      last = (last + 1) % pools.length
      if (!away.has(last)) return last
    }
    return undefined
  }

  const miss = (at: number, cause: Error): void => {
    if (closed || away.has(at)) return
    away.add(at)
    if (away.size === pools.length) {
      const outage = { since: performance.now(), cause, patient: true, timer: setTimeout(giveUp, patience) }
      missed = outage
      told(true)
    }
    void lookFor(at)
  }

  const giveUp = (): void => {
    if (!missed) return
    missed.patient = false
    const { cause } = missed
    const all = [...waiting]
    waiting.clear()
    for (const { fail } of all) fail(cause)
  }

  /** Looks at an address until it answers. */
  const lookFor = async (at: number): Promise<void> => {
    for (let pause = LOOK_AFTER; !closed && away.has(at); pause = Math.min(pause * 1.5, LOOK_EVERY)) {
      await new Promise((resolve) => setTimeout(resolve, pause))
      const answers = await looksAt(urls[at]!, connect).then(
        () => true,
        () => false,
      )
      if (answers) return back(at)
    }
  }

  let glancing = false
  /** Looks at all addresses, for all who wait: they are told what that gives, soon. */
  const glance = async (): Promise<void> => {
    if (glancing) return
    glancing = true
    const found = urls.map((url, at) => looksAt(url, connect).then(() => back(at)))
    const late = new Promise((resolve) => setTimeout(resolve, GLANCE))
    await Promise.race([Promise.any(found), late]).catch(() => {}) // nobody answers: those who wait are told
    glancing = false
    if (missed && !missed.patient) giveUp()
  }

  const back = (at: number): void => {
    away.delete(at)
    if (!missed) return
    clearTimeout(missed.timer)
    missed = undefined
    told(false)
    const all = [...waiting]
    waiting.clear()
    for (const { go } of all) go()
  }

  /** `until` is when a request that was told of answering addresses and found none has waited enough. */
  const dispatch = (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, until = Infinity) => {
    const at = next()
    if (at !== undefined)
      return pools[at]!.dispatch(
        options,
        orElse(handler, (error) => {
          miss(at, error)
          dispatch(options, handler, Math.min(until, performance.now() + patience))
        }),
      )
    const fail = (error: Error): void => handler.onResponseError?.(NO_CONTROLLER, error)
    if (missed && performance.now() > until) {
      const { cause } = missed
      queueMicrotask(() => fail(cause))
      return true
    }
    const go = AsyncResource.bind(() => void dispatch(options, handler, until))
    waiting.add({ go, fail })
    if (missed && !missed.patient) void glance()
    return true
  }

  return {
    /** For who asks like undici: of a pool it has everything but where its requests go. */
    dispatcher: pools[0]!.compose(() => (options, handler) => dispatch(options, handler)),

    /** Rejects when no address answers now. */
    alive: (): Promise<void> => Promise.any(urls.map((url) => looksAt(url, connect))),

    close: async (): Promise<void> => {
      closed = true
      clearTimeout(missed?.timer)
      for (const { fail } of waiting) fail(new Error('the gateway is closed'))
      waiting.clear()
      await Promise.all(pools.map((pool) => pool.destroy()))
    },
  }
}

/** What undici itself gives a handler whose request was never begun. */
const NO_CONTROLLER = null as unknown as Dispatcher.DispatchController

/** The same handler, except that it does not hear of a connection that could not be opened. */
function orElse(handler: Dispatcher.DispatchHandler, unopened: (error: Error) => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onRequestUpgrade: (...upgrade) => handler.onRequestUpgrade?.(...upgrade),
    onResponseStart: (...response) => handler.onResponseStart?.(...response),
    onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError: (controller, error) => {
      if (isUnopened(error)) unopened(error)
      else handler.onResponseError?.(controller, error)
    },
  }
}
