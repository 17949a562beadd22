import { readFileSync } from 'node:fs'
import type { Status } from '@halles/contracts/order-events'
import { subgraph } from '@halles/service/graphql'
import { connection } from '@halles/service/page'
import { signedIn } from '@halles/service/person'
import { Closed, reader } from '@halles/service/schema'
import type { GraphQLSchema } from 'graphql'
import { Type } from 'typebox'
import { withinAnswerTimeout } from './answer-timeout.ts'
import { cancelOrder, changeStatusAsAdmin, type ChangeStatusDeps } from './change-status.ts'
import type { OrderStatus, Resolvers } from './gen/graphql.ts'
import { listOrders, ListOrdersQuery, listUserOrders } from './list-orders.ts'
import type { OrderStore } from './orders.ts'
import { IdempotencyKey, PlaceOrderInput } from './place-order/basket.ts'
import { placeOrder, type PlaceOrderDeps } from './place-order/place-order.ts'
import { readOrder, readOrders } from './read-order.ts'

export type GraphQLDeps = PlaceOrderDeps &
  ChangeStatusDeps & { orders: Pick<OrderStore, 'find' | 'findMany' | 'findPage'> }

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

const parseListOrders = reader(ListOrdersQuery)
const parsePlaceOrder = reader(
  Closed(
    { ...PlaceOrderInput.properties, idempotencyKey: Type.Optional(IdempotencyKey) },
    { title: 'PlaceOrderInput' },
  ),
)

type ListArgs = { status?: OrderStatus | null; first?: number | null; after?: string | null }

/** Converts a list field's arguments to the input of its use case. */
const toListOrdersQuery = ({ status, ...page }: ListArgs): ListOrdersQuery =>
  parseListOrders({ ...withoutNulls(page), ...(status && { status: statusByName[status] }) })

/** Null means the same as an absent argument. */
const withoutNulls = (input: object): object =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null))

/** Creates the executable schema of the order subgraph. */
export function createOrderSubgraph(deps: GraphQLDeps): GraphQLSchema {
  const resolvers: Resolvers = {
    Query: {
      order: (_, { id }, { person }) => withinAnswerTimeout(readOrder(deps, signedIn(person), { id })),
      orders: async (_, args, { person }) =>
        connection(await withinAnswerTimeout(listOrders(deps, signedIn(person), toListOrdersQuery(args)))),
    },
    Mutation: {
      placeOrder: async (_, { input }, { person }) => {
        const customer = signedIn(person)
        const { idempotencyKey, ...basket } = parsePlaceOrder(withoutNulls(input))
        const { order } = await withinAnswerTimeout(placeOrder(deps, customer, basket, idempotencyKey))
        return order
      },
      changeOrderStatus: (_, { id, status }, { person }) =>
        withinAnswerTimeout(changeStatusAsAdmin(deps, person, { id, status: statusByName[status] })),
      cancelOrder: (_, { id }, { person }) => withinAnswerTimeout(cancelOrder(deps, signedIn(person), id)),
    },
    Order: {
      id: ({ _id }) => _id,
      customer: ({ userId }) => ({ id: userId }),
      status: ({ status }) => nameByStatus[status],
    },
    OrderItem: { product: ({ productId }) => ({ id: productId }) },
    StatusChange: { status: ({ status }) => nameByStatus[status] },
    User: {
      orders: async ({ id }, args, { person }) =>
        connection(await withinAnswerTimeout(listUserOrders(deps, signedIn(person), id, toListOrdersQuery(args)))),
    },
  }
  return subgraph({
    sdl,
    resolvers,
    references: {
      Order: (keys, { person }) => {
        const ids = keys.map(({ id }) => id)
        return withinAnswerTimeout(readOrders(deps, person, ids))
      },
    },
  })
}
