import { requirePrincipal } from '@halles/auth/principal'
import { readLastEventId } from '@halles/fastify-service/event-streams'
import { EVENT_ID } from '@halles/subgraph/subgraph-schema'
import { withinAnswerTimeout } from '../answer-timeout.ts'
import type { SubscriptionResolvers } from '../gen/graphql.ts'
import type { Order } from '../order.ts'
import { followOrder, type FollowOrderDeps, type OrderChange } from './follow-order.ts'

/** Creates the resolvers of the subscriptions. The id of an event is the sequence of the order's change. */
export const createSubscriptions = (deps: FollowOrderDeps): SubscriptionResolvers => ({
  orderChanged: {
    subscribe: async (_, { id }, { principal, request, signal }) => {
      const input = { id, lastEventId: readLastEventId(request), signal: signal! }
      return toEvents((await withinAnswerTimeout(followOrder(deps, requirePrincipal(principal), input))) ?? [])
    },
  },
})

async function* toEvents(
  changes: AsyncIterable<OrderChange> | readonly OrderChange[],
): AsyncGenerator<{ orderChanged: Order }> {
  for await (const { sequence, order } of changes) {
    const event = { orderChanged: order, [EVENT_ID]: String(sequence) }
    yield event
  }
}
