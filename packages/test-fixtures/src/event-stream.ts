import { createParser, type EventSourceMessage } from 'eventsource-parser'

export type EventStreamClient = Awaited<ReturnType<typeof openEventStream>>

/**
 * Opens a stream of Server-Sent Events, and collects its events. A response with another status has its body as `text`.
 *
 * @param init options of `fetch`
 */
export async function openEventStream(url: string, { headers, ...init }: RequestInit = {}) {
  const aborting = new AbortController()
  const response = await fetch(url, {
    ...init,
    headers: { accept: 'text/event-stream', ...(headers as Record<string, string>) },
    signal: aborting.signal,
  })
  const events: EventSourceMessage[] = []
  let comments = 0
  const parser = createParser({ onEvent: (event) => events.push(event), onComment: () => comments++ })
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body!) parser.feed(decoder.decode(chunk, { stream: true }))
    } catch {
      // The connection broke, or the test closed it: the stream has ended.
    }
  }
  let hasEnded = false
  const ended = isStream ? read().then(() => void (hasEnded = true)) : Promise.resolve()
  return {
    status: response.status,
    headers: response.headers,
    text: isStream ? '' : await response.text(),
    /** All events so far. */
    events,
    /** How many comments have arrived. */
    comments: () => comments,
    hasEnded: () => hasEnded,
    /** Resolves when the server has ended the stream, or the connection broke. */
    ended,
    /** Ends the stream as a client that goes away. */
    close: (): Promise<void> => {
      aborting.abort()
      return ended
    },
  }
}
