import { backoff } from '@halles/concurrency/backoff'
import type { ServerSentEvent } from '@halles/fastify-service/event-streams'
import { createParser } from 'eventsource-parser'
import type { Dispatcher } from 'undici'
import { toUpstreamError, type UpstreamResponse } from './upstream-response.ts'

/** The pauses before a stream is opened again, in milliseconds. */
const BACKOFF = { base: 100, cap: 2000 }

/** How long a stream may be silent, in milliseconds: a service sends a comment every 15 s, so its connection is broken. */
const SILENCE_TIMEOUT = 45_000

/** The longest response that is no event stream, in bytes. */
const MAX_RESPONSE = 65_536

export type EventRequest = {
  path: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  lastEventId: string | undefined
  /** Ends the stream. */
  signal: AbortSignal
}

/** Opens event streams at one service. */
export type OpenEvents = (request: EventRequest) => Promise<AsyncIterable<ServerSentEvent> | UpstreamResponse>

/**
 * Creates a function that opens a stream of Server-Sent Events at a service, and opens it again where its connection breaks: at another
 * instance, after the last event that was received, so that none is lost or repeated. The stream ends with the event `complete`, with
 * `signal`, or when the service refuses to continue it.
 *
 * @param timeout how long the beginning of a response may take, in milliseconds
 * @returns the events, or the response when it is no event stream. Throws AppError `UNAVAILABLE`, `TIMEOUT`
 */
export function createEventSource(dispatcher: Dispatcher, timeout: number): OpenEvents {
  const connect = async ({ path, method, headers, body, signal }: EventRequest, lastEventId: string | undefined) =>
    dispatcher.request({
      path,
      method,
      headers: {
        ...headers,
        accept: 'text/event-stream',
        'accept-encoding': 'identity',
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      },
      ...(body !== undefined && { body }),
      signal,
      headersTimeout: timeout,
      bodyTimeout: SILENCE_TIMEOUT,
    })

  /** Opens the stream again after a pause. Returns `refused` when the service will not continue it, undefined when it failed. */
  const reconnect = async (
    request: EventRequest,
    lastEventId: string | undefined,
    failures: number,
  ): Promise<Dispatcher.ResponseData | 'refused' | undefined> => {
    await backoff(failures, BACKOFF)
    if (request.signal.aborted) return 'refused'
    try {
      const response = await connect(request, lastEventId)
      if (isEventStream(response)) return response
      await response.body.dump()
      const isTemporary = response.statusCode >= 500 || response.statusCode === 429 || response.statusCode === 408
      return isTemporary ? undefined : 'refused'
    } catch {
      return undefined // the service cannot be reached
    }
  }

  async function* readEvents(request: EventRequest, first: Dispatcher.ResponseData): AsyncGenerator<ServerSentEvent> {
    let { lastEventId } = request
    let response: Dispatcher.ResponseData | 'refused' | undefined = first
    for (let failures = 1; response !== 'refused'; failures++) {
      try {
        if (response)
          for await (const event of parseEvents(response.body)) {
            failures = 0
            lastEventId = event.id ?? lastEventId
            yield event
            if (event.event === 'complete') return
          }
      } catch {
        // The connection broke, or the client is gone.
      }
      response = await reconnect(request, lastEventId, failures + 1)
    }
  }

  return async (request) => {
    try {
      const response = await connect(request, request.lastEventId)
      if (isEventStream(response)) return readEvents(request, response)
      return { status: response.statusCode, headers: response.headers, text: await readText(response.body) }
    } catch (error) {
      throw toUpstreamError(error)
    }
  }
}

const isEventStream = ({ statusCode, headers }: Dispatcher.ResponseData): boolean =>
  statusCode === 200 && String(headers['content-type']).startsWith('text/event-stream')

async function* parseEvents(body: AsyncIterable<Buffer>): AsyncGenerator<ServerSentEvent> {
  const events: ServerSentEvent[] = []
  const parser = createParser({
    onEvent: ({ event = 'message', data, id }) => events.push({ event, data, id }),
  })
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    yield* events.splice(0)
  }
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_RESPONSE) throw new Error('the response of a service is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
