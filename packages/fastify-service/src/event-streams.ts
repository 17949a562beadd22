import { Readable } from 'node:stream'
import { AppError } from '@halles/errors/app-error'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Gauge, type Registry } from 'prom-client'
import { toErrorResponse } from './error-response.ts'

declare module 'fastify' {
  interface FastifyInstance {
    eventStreams: EventStreams
  }
}

/** One event of a stream: `text/event-stream` of the HTML Living Standard, section 9.2. `data` is one line. */
export type ServerSentEvent = { event: string; data: string; id?: string | undefined }

export type EventStreamLimits = {
  /** Open streams of one user; of one client address for anonymous clients. */
  perUser: number
  /** Open streams of this process; one client network may have its share of a quarter of them. */
  total: number
}

export type EventStreams = {
  /**
   * Reserves a stream for a request, until its response is closed.
   *
   * @throws AppError `RATE_LIMITED` when the user, or the network, has too many; `UNAVAILABLE` when this process has
   */
  open: (request: FastifyRequest, reply: FastifyReply) => EventStream
  /** Ends all streams, and refuses others: their clients connect again, to another instance. */
  closeAll: () => void
}

export type EventStream = {
  /** Aborted when the stream has ended, whatever the reason. */
  signal: AbortSignal
  /**
   * Sends the events of a source, and ends the response after the last one. When the source fails, the response ends too: the
   * client connects again.
   *
   * @param lastEvents sent when the access token has expired or was revoked
   */
  send: (events: AsyncIterable<ServerSentEvent>, lastEvents: readonly ServerSentEvent[]) => FastifyReply
}

/** How often an idle stream carries a comment, in milliseconds: proxies often close connections that are idle for 60 s. */
const PING_INTERVAL = 15_000

/** How long a client may leave events unread, in milliseconds. */
const UNREAD_TIMEOUT = 60_000

/** How often tokens, comments and readers are checked, in milliseconds. */
const CHECK_INTERVAL = 1000

/** When a client whose stream was refused may try again, in seconds. */
const RETRY_AFTER = 5

/** The part of all streams that one client address may have; wider networks have a larger share. */
const NETWORK_PART = 4

const COMMENT = ':\n\n'

type OpenStream = {
  body: Readable
  /** How many bytes the client has left unread, beyond what the operating system holds. */
  unread: () => number
  end: (last?: readonly ServerSentEvent[]) => void
  isTokenValid: () => boolean
  lastEvents: readonly ServerSentEvent[]
  pingedAt: number
  unreadSince: number | undefined
}

/**
 * Adds `app.eventStreams`, which sends Server-Sent Events. A stream is bounded in number, carries a comment every 15 s, and is ended
 * when its access token expires or is revoked, when its client leaves events unread for a minute, and by `closeAll`. Nothing is
 * queued: an event is read from its source once the client has room for it.
 */
export function registerEventStreams(
  app: FastifyInstance,
  registry: Registry,
  { perUser, total }: EventStreamLimits,
  { pingInterval = PING_INTERVAL, unreadTimeout = UNREAD_TIMEOUT } = {},
): EventStreams {
  const reservations = new Map<string, number>()
  const streams = new Set<OpenStream>()
  let isClosing = false
  let openCount = 0
  registry.registerMetric(
    new Gauge({
      name: 'event_streams_open',
      help: 'Open streams of Server-Sent Events.',
      registers: [],
      collect() {
        this.set(openCount)
      },
    }),
  )

  const check = (): void => {
    const now = performance.now()
    for (const stream of streams) {
      if (!stream.isTokenValid()) stream.end(stream.lastEvents)
      else if (stream.unread() > 0) {
        if (now - (stream.unreadSince ??= now) >= unreadTimeout) stream.body.destroy()
      } else {
        stream.unreadSince = undefined
        if (now - stream.pingedAt < pingInterval) continue
        stream.pingedAt = now
        stream.body.push(COMMENT)
      }
    }
  }
  const timer = setInterval(check, Math.min(CHECK_INTERVAL, pingInterval)).unref()
  const closeAll = (): void => {
    isClosing = true
    for (const { end } of streams) end()
  }
  app.addHook('preClose', async () => closeAll())
  app.addHook('onClose', async () => clearInterval(timer))

  const reserve = (key: string, limit: number, what: string): void => {
    if ((reservations.get(key) ?? 0) >= limit)
      throw new AppError('RATE_LIMITED', `${what} has too many open event streams: close one, or try again later.`, {
        retryAfter: RETRY_AFTER,
      })
  }
  const count = (keys: readonly string[], by: 1 | -1): void => {
    openCount += by
    for (const key of keys) {
      const left = (reservations.get(key) ?? 0) + by
      if (left > 0) reservations.set(key, left)
      else reservations.delete(key)
    }
  }

  const open = ({ principal, networks, isTokenValid }: FastifyRequest, reply: FastifyReply): EventStream => {
    if (isClosing || openCount >= total)
      throw new AppError('UNAVAILABLE', 'Too many event streams are open: try again later.', {
        retryAfter: RETRY_AFTER,
      })
    const user = principal ? `user ${principal.id}` : `anonymous ${networks[0]!.cidr}`
    reserve(user, perUser, principal ? 'This account' : 'This client')
    for (const { cidr, share } of networks) reserve(cidr, (total / NETWORK_PART) * share, 'This network')
    const keys = [user, ...networks.map(({ cidr }) => cidr)]
    count(keys, 1)
    const aborting = new AbortController()
    const { signal } = aborting
    reply.raw.once('close', () => {
      count(keys, -1)
      aborting.abort()
    })

    const send: EventStream['send'] = (events, lastEvents) => {
      let resume = (): void => {}
      const body = new Readable({ read: () => resume(), highWaterMark: 1 })
      const end = (last: readonly ServerSentEvent[] = []): void => {
        if (!streams.delete(stream)) return
        for (const event of last) body.push(toText(event))
        body.push(null)
        aborting.abort()
        resume()
      }
      const stream: OpenStream = {
        body,
        unread: () => body.readableLength + reply.raw.writableLength,
        end,
        isTokenValid,
        lastEvents,
        pingedAt: performance.now(),
        unreadSince: undefined,
      }
      const pump = async (): Promise<void> => {
        for await (const event of events) {
          if (signal.aborted) return
          // `push` returns false when the client has not taken this event yet.
          if (!body.push(toText(event))) await new Promise<void>((resolve) => (resume = resolve))
        }
      }
      streams.add(stream)
      signal.addEventListener('abort', () => end(), { once: true })
      body.push(COMMENT) // sends the headers
      void pump()
        .catch((error: unknown) => {
          if (!signal.aborted) reply.log.warn({ err: error }, 'an event stream failed')
        })
        .finally(() => end())
      if (isClosing || signal.aborted) end()
      return reply.headers(streamHeaders).send(body)
    }
    return { signal, send }
  }

  return { open, closeAll }
}

/** `x-accel-buffering` tells nginx, and proxies like it, to pass each event on at once. */
const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

const toText = ({ event, data, id }: ServerSentEvent): string =>
  `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`

/** What is sent to a client of REST when its access token has expired or was revoked. */
export const tokenEndedProblem: readonly ServerSentEvent[] = [
  {
    event: 'problem',
    data: toErrorResponse(
      new AppError('UNAUTHENTICATED', 'This access token has expired or was revoked.'),
      undefined,
      false,
    ).body,
  },
  { event: 'complete', data: '' },
]

/** Whether a response is an event stream. */
export const isEventStream = (reply: FastifyReply): boolean =>
  String(reply.getHeader('content-type')).startsWith('text/event-stream')

/** Whether a client asks for Server-Sent Events. */
export const acceptsEventStream = ({ headers }: FastifyRequest): boolean =>
  headers.accept?.toLowerCase().includes('text/event-stream') ?? false

/** The id of the last event that a client has received; undefined when it has none. */
export const readLastEventId = ({ headers }: FastifyRequest): string | undefined => {
  const id = headers['last-event-id']
  return typeof id === 'string' && id !== '' ? id : undefined
}
