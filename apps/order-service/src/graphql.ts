import { readFileSync } from 'node:fs'
import type { Status } from '@halles/contracts/order-events'
import { createSubgraphSchema } from '@halles/subgraph/subgraph-schema'
import { toConnection } from '@halles/validation/page'
import { requirePrincipal } from '@halles/auth/principal'
import { ClosedObject, createParser } from '@halles/validation/schema'
import type { GraphQLSchema } from 'graphql'
import { Type } from 'typebox'
import { withinAnswerTimeout } from './answer-timeout.ts'
import { cancelOrder, changeStatusAsAdmin, type ChangeStatusDeps } from './change-status.ts'
import type { OrderStatus, Resolvers } from './gen/graphql.ts'
import type { FollowOrderDeps } from './order-changes/follow-order.ts'
import { createSubscriptions } from './order-changes/subscription.ts'
import { listOrders, ListOrdersQuery, listUserOrders, ListUserOrdersQuery, type ListOrdersDeps } from './list-orders.ts'
import { changedBy } from './order.ts'
import type { StatisticsReader } from './order-statistics.ts'
import type { OrderStore } from './orders.ts'
import { IdempotencyKey, PlaceOrderInput } from './place-order/basket.ts'
import { placeOrder, type PlaceOrderDeps } from './place-order/place-order.ts'
import { readOrder, readOrders } from './read-order.ts'

export type GraphQLDeps = PlaceOrderDeps &
  ChangeStatusDeps &
  FollowOrderDeps &
  ListOrdersDeps & { orders: Pick<OrderStore, 'find' | 'findMany'>; readStatistics: StatisticsReader }

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

/** Statuses by their GraphQL names, which must be ASCII. */
const statusByName: Record<OrderStatus, Status> = {
  RECUE: 'Reçue',
  CONFIRMEE: 'Confirmée',
  PREPAREE: 'Préparée',
  LIVREE: 'Livrée',
  ANNULEE: 'Annulée',
}
const nameByStatus = Object.fromEntries(Object.entries(statusByName).map(([name, status]) => [status, name])) as Record<
  Status,
  OrderStatus
>

const parseListOrders = createParser(ListOrdersQuery)
const parseListUserOrders = createParser(ListUserOrdersQuery)
const parsePlaceOrder = createParser(
  ClosedObject(
    { ...PlaceOrderInput.properties, idempotencyKey: Type.Optional(IdempotencyKey) },
    { title: 'PlaceOrderInput' },
  ),
)

/** Converts a list field's arguments to the query of its use case. */
const toListQuery = ({ status, ...args }: { status?: OrderStatus | null }): object => ({
  ...withoutNulls(args),
  ...(status && { status: statusByName[status] }),
})

/** Null means the same as an absent argument. */
const withoutNulls = (input: object): object =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null))

/** Creates the executable schema of the order subgraph. */
export function createOrderSubgraph(deps: GraphQLDeps): GraphQLSchema {
  const resolvers: Resolvers = {
    Query: {
      order: (_, { id }, { principal }) => withinAnswerTimeout(readOrder(deps, requirePrincipal(principal), { id })),
      orders: async (_, args, { principal }) =>
        toConnection(
          await withinAnswerTimeout(listOrders(deps, requirePrincipal(principal), parseListOrders(toListQuery(args)))),
        ),
      orderStatistics: (_, __, { principal }) => withinAnswerTimeout(deps.readStatistics(requirePrincipal(principal))),
    },
    Mutation: {
      placeOrder: async (_, { input }, { principal }) => {
        const customer = requirePrincipal(principal)
        const { idempotencyKey, ...basket } = parsePlaceOrder(withoutNulls(input))
        const { order } = await withinAnswerTimeout(placeOrder(deps, customer, basket, idempotencyKey))
        return order
      },
      changeOrderStatus: (_, { id, status }, { principal }) =>
        withinAnswerTimeout(changeStatusAsAdmin(deps, principal, { id, status: statusByName[status] })),
      cancelOrder: (_, { id }, { principal }) =>
        withinAnswerTimeout(cancelOrder(deps, requirePrincipal(principal), id)),
    },
    Subscription: createSubscriptions(deps),
    Order: {
      id: ({ _id }) => _id,
      customer: ({ userId }) => ({ id: userId }),
      status: ({ status }) => nameByStatus[status],
    },
    StatusStatistics: { status: ({ status }) => nameByStatus[status] },
    OrderItem: { product: ({ productId }) => ({ id: productId }) },
    StatusChange: {
      status: ({ status }) => nameByStatus[status],
      changedBy: (change, _, { principal }) => {
        const id = changedBy(change, principal)
        return id === null ? null : { id }
      },
    },
    User: {
      orders: async ({ id }, args, { principal }) =>
        toConnection(
          await withinAnswerTimeout(
            listUserOrders(deps, requirePrincipal(principal), id, parseListUserOrders(toListQuery(args))),
          ),
        ),
    },
  }
  return createSubgraphSchema({
    sdl,
    resolvers,
    references: {
      Order: (keys, { principal }) => {
        const ids = keys.map(({ id }) => id)
        return withinAnswerTimeout(readOrders(deps, principal, ids))
      },
    },
  })
}
