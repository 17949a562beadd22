import { PassThrough } from 'node:stream'
import { createReadableStreamFromReadable } from '@react-router/node'
import { isbot } from 'isbot'
import { renderToPipeableStream } from 'react-dom/server'
import { ServerRouter, type EntryContext, type RouterContextProvider } from 'react-router'
import { serverContext } from './api/server-client.ts'
import { en } from './i18n/en.ts'
import { fr } from './i18n/fr.ts'
import { LoadedMessagesContext } from './i18n/i18n.tsx'

/** How long a page may take to render, in milliseconds. */
export const streamTimeout = 8_000

export { serverContext } from './api/server-client.ts'

const loaded = { fr, en }

/** Renders a page: as a stream for people, whole for search engines. */
export default function handleRequest(
  request: Request,
  status: number,
  headers: Headers,
  entry: EntryContext,
  context: RouterContextProvider,
): Promise<Response> {
  const { nonce } = context.get(serverContext)
  const whole = isbot(request.headers.get('user-agent') ?? '') || entry.isSpaMode
  return new Promise((resolve, reject) => {
    let responseStatus = status
    let started = false
    const respond = (): void => {
      started = true
      const body = new PassThrough()
      headers.set('content-type', 'text/html; charset=utf-8')
      resolve(new Response(createReadableStreamFromReadable(body), { status: responseStatus, headers }))
      stream.pipe(body)
    }
    const stream = renderToPipeableStream(
      <LoadedMessagesContext value={loaded}>
        <ServerRouter context={entry} url={request.url} nonce={nonce} />
      </LoadedMessagesContext>,
      {
        nonce,
        ...(whole ? { onAllReady: respond } : { onShellReady: respond }),
        onShellError: reject,
        onError: (error) => {
          responseStatus = 500
          if (started) console.error(error)
        },
      },
    )
    setTimeout(() => stream.abort(), streamTimeout + 1_000).unref()
  })
}
