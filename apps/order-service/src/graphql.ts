import { readFileSync } from 'node:fs'
import type { Status } from '@halles/contracts/order-events'
import { subgraph } from '@halles/service/graphql'
import { connection } from '@halles/service/page'
import { signedIn } from '@halles/service/person'
import { Closed, reader } from '@halles/service/schema'
import type { GraphQLSchema } from 'graphql'
import { Type } from 'typebox'
import { IdempotencyKey, PlaceOrder } from './basket.ts'
import type { OrderStatus, Resolvers } from './gen/graphql.ts'
import { ListOrders } from './list-orders.ts'
import type { Shop } from './shop.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

/** GraphQL names are ASCII. */
const statusOf: Record<OrderStatus, Status> = {
  RECUE: 'Reçue',
  CONFIRMEE: 'Confirmée',
  PREPAREE: 'Préparée',
  LIVREE: 'Livrée',
  ANNULEE: 'Annulée',
}
const enumOf = Object.fromEntries(Object.entries(statusOf).map(([name, status]) => [status, name])) as Record<
  Status,
  OrderStatus
>

const readList = reader(ListOrders)
const readPlaceOrder = reader(
  Closed({ ...PlaceOrder.properties, idempotencyKey: Type.Optional(IdempotencyKey) }, { title: 'PlaceOrderInput' }),
)

type ListArgs = { status?: OrderStatus | null; first?: number | null; after?: string | null }

/** A list's arguments as its use case takes them. */
const listWish = ({ status, ...page }: ListArgs): ListOrders =>
  readList({ ...given(page), ...(status && { status: statusOf[status] }) })

/** In GraphQL null is a way of not saying anything. */
const given = (input: object): object => Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null))

/** The order subgraph: the GraphQL face. */
export function orderSubgraph(shop: Shop): GraphQLSchema {
  const resolvers: Resolvers = {
    Query: {
      order: (_, { id }, { person }) => shop.readOrder(signedIn(person), { id }),
      orders: async (_, args, { person }) => connection(await shop.listOrders(signedIn(person), listWish(args))),
    },
    Mutation: {
      placeOrder: async (_, { input }, { person }) => {
        const customer = signedIn(person)
        const { idempotencyKey, ...wish } = readPlaceOrder(given(input))
        const { order } = await shop.placeOrder(customer, wish, idempotencyKey)
        return order
      },
      changeOrderStatus: (_, { id, status }, { person }) =>
        shop.changeStatusAsAdmin(person, { id, status: statusOf[status] }),
      cancelOrder: (_, { id }, { person }) => shop.cancelOrder(signedIn(person), id),
    },
    Order: {
      id: ({ _id }) => _id,
      customer: ({ userId }) => ({ id: userId }),
      status: ({ status }) => enumOf[status],
    },
    OrderItem: { product: ({ productId }) => ({ id: productId }) },
    StatusChange: { status: ({ status }) => enumOf[status] },
    User: {
      orders: async ({ id }, args, { person }) =>
        connection(await shop.listOrdersOf(signedIn(person), id, listWish(args))),
    },
  }
  return subgraph({
    sdl,
    resolvers,
    references: {
      Order: (keys, { person }) =>
        shop.readOrders(
          person,
          keys.map(({ id }) => id),
        ),
    },
  })
}
