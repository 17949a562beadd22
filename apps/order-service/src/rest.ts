import { OrderView } from '@halles/contracts/order-events'
import type { App } from '@halles/service/app'
import { PageView, pageView } from '@halles/service/page'
import { signedIn } from '@halles/service/person'
import { Problem } from '@halles/service/schema'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { IdempotencyKey, PlaceOrder } from './basket.ts'
import { ChangeStatus } from './change-status.ts'
import { ListOrders } from './list-orders.ts'
import { orderView } from './order.ts'
import type { Shop } from './shop.ts'

const OrderPage = PageView(OrderView, 'OrderPage')
const problems = { '4xx': Problem, '5xx': Problem }

/** What every route here says of itself. Ids are any text: one that is nothing's is NOT_FOUND. */
const common = { tags: ['orders'], security: [{ bearer: [] }] }
const OfUser = Type.Object({ userId: Type.String() })
const OfOrder = Type.Object({ id: Type.String() })

/** No one gets further without signing in, whatever else is wrong with the request. */
const preValidation = async (request: FastifyRequest): Promise<void> => void signedIn(request.person)

/** The REST face. */
export function rest(app: App, shop: Shop): void {
  app.post(
    '/orders',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Order at the prices of today, all of it or nothing',
        description:
          'With an Idempotency-Key, the same basket again within 24 hours answers the same order as it is now, with `Idempotent-Replayed: true`.',
        headers: Type.Object({ 'idempotency-key': Type.Optional(IdempotencyKey) }),
        body: PlaceOrder,
        response: { 201: OrderView, ...problems },
      },
    },
    async (request, reply) => {
      const key = request.headers['idempotency-key']
      const { order, replayed } = await shop.placeOrder(signedIn(request.person), request.body, key)
      if (replayed) reply.header('idempotent-replayed', 'true')
      return reply.code(201).header('location', `/orders/${order.userId}/${order._id}`).send(orderView(order))
    },
  )

  app.get(
    '/orders',
    {
      preValidation,
      schema: {
        ...common,
        summary: "Everyone's orders, newest first, for admins",
        querystring: ListOrders,
        response: { 200: OrderPage, ...problems },
      },
    },
    async (request) => pageView(await shop.listOrders(request.person, request.query), orderView),
  )

  app.get(
    '/orders/:userId',
    {
      preValidation,
      schema: {
        ...common,
        summary: "A user's orders, newest first, for that user and for admins",
        params: OfUser,
        querystring: ListOrders,
        response: { 200: OrderPage, ...problems },
      },
    },
    async (request) =>
      pageView(await shop.listOrdersOf(request.person, request.params.userId, request.query), orderView),
  )

  app.get(
    '/orders/:userId/:id',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'One order, for who placed it and for admins',
        params: Type.Object({ ...OfUser.properties, ...OfOrder.properties }),
        response: { 200: OrderView, ...problems },
      },
    },
    async (request) => orderView(await shop.readOrder(signedIn(request.person), request.params)),
  )

  app.put(
    '/orders/:id/status',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Move an order on (admins) or cancel it (its customer too, until it is prepared)',
        params: OfOrder,
        body: ChangeStatus,
        response: { 200: OrderView, ...problems },
      },
    },
    async (request) => {
      const wish = { id: request.params.id, status: request.body.status }
      return orderView(await shop.changeStatus(signedIn(request.person), wish))
    },
  )
}
