import { DEADLINE_HEADER } from '@halles/concurrency/caller'
import { readLastEventId, tokenEndedProblem } from '@halles/fastify-service/event-streams'
import type { FastifyInstance } from 'fastify'
import type { OpenEvents } from '../upstream/event-source.ts'
import { createRequestHeaders } from './rest-proxy.ts'

/**
 * Serves the events of an order, which the REST proxy would not: they last for minutes, take a connection of their own, and are resumed
 * at another instance where their connection to order-service breaks.
 */
export function registerOrderEvents(
  app: FastifyInstance,
  openEvents: OpenEvents,
  gatewaySecret: string | undefined,
): void {
  app.get('/api/orders/:userId/:id/events', { exposeHeadRoute: false }, async (request, reply) => {
    const { signal, send } = app.eventStreams.open(request, reply)
    const headers = createRequestHeaders(request, 'order', request.headers, 0, gatewaySecret)
    delete headers[DEADLINE_HEADER]
    const events = await openEvents({
      path: request.url.slice('/api'.length),
      method: 'GET',
      headers: headers as Record<string, string>,
      lastEventId: readLastEventId(request),
      signal,
    })
    if (Symbol.asyncIterator in events) return send(events, tokenEndedProblem)
    for (const name of ['content-type', 'retry-after', 'www-authenticate'])
      if (events.headers?.[name] !== undefined) reply.header(name, events.headers[name])
    return reply.status(events.status).send(events.text === '' ? null : events.text)
  })
}
