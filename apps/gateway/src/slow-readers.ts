import type { ServerResponse } from 'node:http'
import { isEventStream } from '@halles/fastify-service/event-streams'
import type { FastifyInstance } from 'fastify'

/** How long a client may take to read a response, in milliseconds: of 1 MB, 17 KB a second. */
const READ_TIMEOUT = 60_000

/**
 * Ends the connection of a client that has not read its response `timeout` milliseconds after it began, however slowly it
 * reads: the idle timeout of the server ends only a client that reads nothing. All responses are checked together, so that
 * fast ones cost no timer.
 */
export function limitReadingTime(app: FastifyInstance, timeout = READ_TIMEOUT): void {
  /** The responses that are not sent, and since when their headers are, as seen by the checks. */
  const open = new Map<ServerResponse, number | undefined>()
  app.addHook('onRequest', (_request, { raw }, done) => {
    open.set(raw, undefined)
    raw.once('close', () => open.delete(raw))
    done()
  })
  // An event stream lasts, and has a rule of its own (packages/fastify-service/src/event-streams.ts).
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (isEventStream(reply)) open.delete(reply.raw)
    done()
  })
  const check = (): void => {
    const now = performance.now()
    for (const [response, since] of open)
      if (since === undefined) {
        if (response.headersSent) open.set(response, now)
      } else if (now - since >= timeout) response.destroy()
  }
  const timer = setInterval(check, timeout / 6).unref()
  app.addHook('onClose', async () => clearInterval(timer))
}
