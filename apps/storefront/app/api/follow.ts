import { formatDocument, stringifyDocument, type AnyVariables, type TypedDocumentNode } from '@urql/core'
import { createParser } from 'eventsource-parser'
import { sendOperation } from './client.ts'

/** The pauses before a stream is opened again, in milliseconds: they double, and are random so that clients do not return together. */
const BACKOFF = { base: 1000, cap: 30_000 }

/** How long a stream may be silent, in milliseconds. The gateway sends a comment at once, and then every 15 s. */
const SILENCE = { first: 10_000, later: 45_000 }

type Result<Data> = { data?: Data | null; errors?: { extensions?: { code?: string } }[] }

/** What the follower of a subscription is told. */
export type Follower<Data> = {
  onData: (data: Data) => void
  /** Called when the stream is open, and when it no longer is. */
  onLive: (isLive: boolean) => void
}

/** How a connection ended: for good, or to be opened again. */
type Ending = 'complete' | 'refused' | 'broken'

/**
 * Follows a subscription over Server-Sent Events (docs/contract.md, Live), until it is complete, refused, or aborted. A broken
 * connection is opened again, with the id of the last event, so that nothing is missed or told twice; an access token that has
 * ended is renewed.
 */
export async function follow<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  { onData, onLive }: Follower<Data>,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({ query: stringifyDocument(formatDocument(document)), variables })
  let lastEventId: string | undefined
  let failures = 0

  const connect = async (): Promise<Ending> => {
    const attempt = new AbortController()
    const abort = (): void => attempt.abort()
    signal.addEventListener('abort', abort)
    let silence = setTimeout(abort, SILENCE.first)
    try {
      const response = await sendOperation('/graphql', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream',
          ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
        },
        body,
        signal: attempt.signal,
      })
      if (!response.ok || response.body === null)
        return response.status >= 500 || response.status === 429 ? 'broken' : 'refused'
      let ending: Ending | undefined
      let isTokenEnded = false
      const parser = createParser({
        onEvent: ({ event, id, data }) => {
          if (event === 'complete') ending ??= isTokenEnded ? 'broken' : 'complete'
          if (event !== 'next') return
          const { data: value, errors } = JSON.parse(data) as Result<Data>
          if (value) {
            failures = 0
            lastEventId = id ?? lastEventId
            onData(value)
          } else if (errors?.[0]?.extensions?.code === 'UNAUTHENTICATED' && failures === 0) isTokenEnded = true
          else ending = 'refused'
        },
      })
      const decoder = new TextDecoder()
      const reader = response.body.getReader()
      while (ending === undefined) {
        const { done, value } = await reader.read()
        if (done) return 'broken'
        onLive(true)
        clearTimeout(silence)
        silence = setTimeout(abort, SILENCE.later)
        parser.feed(decoder.decode(value, { stream: true }))
      }
      return ending
    } catch {
      return 'broken' // offline, or the gateway is gone
    } finally {
      clearTimeout(silence)
      signal.removeEventListener('abort', abort)
      abort()
      onLive(false)
    }
  }

  while (!signal.aborted && (await connect()) === 'broken') await pause(failures++, signal)
}

/** Waits before the next attempt, until the browser is online again, or until nobody waits. */
async function pause(failures: number, signal: AbortSignal): Promise<void> {
  const limit = Math.min(BACKOFF.cap, BACKOFF.base * 2 ** failures)
  await new Promise<void>((resolve) => {
    const timer = setTimeout(end, limit * (0.5 + Math.random() / 2))
    function end(): void {
      clearTimeout(timer)
      globalThis.removeEventListener('online', end)
      signal.removeEventListener('abort', end)
      resolve()
    }
    globalThis.addEventListener('online', end)
    signal.addEventListener('abort', end)
  })
}
