import { requirePrincipal, type Principal } from '@halles/auth/principal'
import type { App } from '@halles/fastify-service/app'
import { readLastEventId, tokenEndedProblem, type ServerSentEvent } from '@halles/fastify-service/event-streams'
import { ProblemDetails } from '@halles/validation/schema'
import { Type } from 'typebox'
import { withinAnswerTimeout } from '../answer-timeout.ts'
import type { Order } from '../order.ts'
import { followOrder, type FollowOrderDeps, type OrderChange } from './follow-order.ts'

/** The event after which nothing follows. */
const complete: ServerSentEvent = { event: 'complete', data: '' }

/**
 * Registers the route that streams the changes of an order.
 *
 * @param toView creates the public form of orders for their reader
 */
export function registerEventRoute(
  app: App,
  deps: FollowOrderDeps,
  toView: (reader: Principal | undefined) => (order: Order) => object,
): void {
  app.get(
    '/orders/:userId/:id/events',
    {
      // Not HEAD: it would wait for the end of the stream.
      exposeHeadRoute: false,
      preValidation: async ({ principal }) => void requirePrincipal(principal),
      schema: {
        tags: ['orders'],
        security: [{ bearer: [] }],
        summary: 'Follow the status of an order by Server-Sent Events, for its customer and for admins',
        description:
          'Each `status` event has the order as data, and as id the number of the change, from 1; the first is the present state. A client that sends `Last-Event-ID` gets the changes after that one instead. The stream ends with `complete` after the last status, after a `problem` when the access token has expired or was revoked.',
        params: Type.Object({ userId: Type.String(), id: Type.String() }),
        headers: Type.Object({ 'last-event-id': Type.Optional(Type.String()) }),
        response: {
          200: { description: 'The events', content: { 'text/event-stream': { schema: Type.String() } } },
          204: Type.Null({ description: 'The client knows the last status: it need not connect again' }),
          '4xx': ProblemDetails,
          '5xx': ProblemDetails,
        },
      },
    },
    async (request, reply) => {
      const { signal, send } = app.eventStreams.open(request, reply)
      const input = { ...request.params, lastEventId: readLastEventId(request), signal }
      const changes = await withinAnswerTimeout(followOrder(deps, requirePrincipal(request.principal), input))
      if (!changes) return reply.code(204).send(null)
      return send(toEvents(changes, toView(request.principal)), tokenEndedProblem)
    },
  )
}

async function* toEvents(
  changes: AsyncIterable<OrderChange>,
  toView: (order: Order) => object,
): AsyncGenerator<ServerSentEvent> {
  for await (const { sequence, order } of changes)
    yield { event: 'status', id: String(sequence), data: JSON.stringify(toView(order)) }
  yield complete
}
