import { OrderView, Status } from '@halles/contracts/order-events'
import type { App } from '@halles/fastify-service/app'
import { PageView, toPageView } from '@halles/validation/page'
import { requirePrincipal, type Principal } from '@halles/auth/principal'
import { ClosedObject, Nullable, PageQuery, ProblemDetails, Timestamp } from '@halles/validation/schema'
import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { withinAnswerTimeout } from './answer-timeout.ts'
import { changeStatus, ChangeStatusBody, type ChangeStatusDeps } from './change-status.ts'
import { registerEventRoute } from './order-changes/event-route.ts'
import type { FollowOrderDeps } from './order-changes/follow-order.ts'
import {
  listOrders,
  listUserOrders,
  ListUserOrdersQuery,
  MAX_USERS,
  ordersConditions,
  type ListOrdersDeps,
} from './list-orders.ts'
import { changedBy, toOrderView, type Order } from './order.ts'
import { OrderStatistics, type StatisticsReader } from './order-statistics.ts'
import type { OrderStore } from './orders.ts'
import { IdempotencyKey, PlaceOrderInput } from './place-order/basket.ts'
import { placeOrder, type PlaceOrderDeps } from './place-order/place-order.ts'
import { readOrder } from './read-order.ts'

export type RestDeps = PlaceOrderDeps &
  ChangeStatusDeps &
  FollowOrderDeps &
  ListOrdersDeps & { orders: Pick<OrderStore, 'find'>; readStatistics: StatisticsReader }

/** An order as its reader may see it. Events have no `by`. */
const OrderDetails = Type.Object(
  {
    ...OrderView.properties,
    statusHistory: Type.Array(
      Type.Object({
        status: Status,
        timestamp: Timestamp,
        by: Type.Optional(
          Nullable(
            Type.String({ description: 'The id of the user who set it; only for admins, null if not recorded' }),
          ),
        ),
      }),
    ),
  },
  { title: 'Order' },
)

const toDetails =
  (principal: Principal | undefined) =>
  (order: Order): Static<typeof OrderDetails> => ({
    ...toOrderView(order),
    statusHistory: order.statusHistory.map((change) => ({
      status: change.status,
      timestamp: change.timestamp.toISOString(),
      ...(principal?.role === 'admin' && { by: changedBy(change, principal) }),
    })),
  })

const ListOrdersQuery = ClosedObject({
  ...ordersConditions,
  userIds: Type.Optional(
    Type.String({
      pattern: `^[^,]{1,200}(,[^,]{1,200}){0,${MAX_USERS - 1}}$`,
      description: `The ids of up to ${MAX_USERS} users, separated by commas: only orders of these`,
    }),
  ),
  ...PageQuery,
})

const OrderPage = PageView(OrderDetails, 'OrderPage')
const problems = { '4xx': ProblemDetails, '5xx': ProblemDetails }

/** OpenAPI properties of every route. Ids are any text: an id that does not exist is answered NOT_FOUND. */
const common = { tags: ['orders'], security: [{ bearer: [] }] }
const UserParams = Type.Object({ userId: Type.String() })
const OrderParams = Type.Object({ id: Type.String() })

/** Requests without an access token are answered UNAUTHENTICATED before anything else is validated. */
const preValidation = async (request: FastifyRequest): Promise<void> => void requirePrincipal(request.principal)

/** Registers the REST routes. */
export function registerRestRoutes(app: App, deps: RestDeps): void {
  app.post(
    '/orders',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Place an order at current prices, all of it or nothing',
        description:
          'With an Idempotency-Key, the same basket again within 24 hours is answered with the same order as it is now, and `Idempotent-Replayed: true`.',
        headers: Type.Object({ 'idempotency-key': Type.Optional(IdempotencyKey) }),
        body: PlaceOrderInput,
        response: { 201: OrderDetails, ...problems },
      },
    },
    async (request, reply) => {
      const key = request.headers['idempotency-key']
      const placing = placeOrder(deps, requirePrincipal(request.principal), request.body, key)
      const { order, replayed } = await withinAnswerTimeout(placing)
      if (replayed) reply.header('idempotent-replayed', 'true')
      return reply
        .code(201)
        .header('location', `/orders/${order.userId}/${order._id}`)
        .send(toDetails(request.principal)(order))
    },
  )

  app.get(
    '/orders',
    {
      preValidation,
      schema: {
        ...common,
        summary: "List all customers' orders, newest first, for admins",
        querystring: ListOrdersQuery,
        response: { 200: OrderPage, ...problems },
      },
    },
    async (request) => {
      const { userIds, ...query } = request.query
      const page = listOrders(deps, request.principal, { ...query, userIds: userIds?.split(',') })
      return toPageView(await withinAnswerTimeout(page), toDetails(request.principal))
    },
  )

  app.get(
    '/orders/statistics',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Orders and turnover of the last 7 days, orders by status, what is overdue or unpublished, for admins',
        description: 'Up to 10 seconds old.',
        response: { 200: OrderStatistics, ...problems },
      },
    },
    (request) => withinAnswerTimeout(deps.readStatistics(request.principal)),
  )

  app.get(
    '/orders/:userId',
    {
      preValidation,
      schema: {
        ...common,
        summary: "List a user's orders, newest first, for that user and for admins",
        params: UserParams,
        querystring: ListUserOrdersQuery,
        response: { 200: OrderPage, ...problems },
      },
    },
    async (request) => {
      const orders = listUserOrders(deps, request.principal, request.params.userId, request.query)
      return toPageView(await withinAnswerTimeout(orders), toDetails(request.principal))
    },
  )

  app.get(
    '/orders/:userId/:id',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Read one order, for its customer and for admins',
        params: Type.Object({ ...UserParams.properties, ...OrderParams.properties }),
        response: { 200: OrderDetails, ...problems },
      },
    },
    async (request) => {
      const order = readOrder(deps, requirePrincipal(request.principal), request.params)
      return toDetails(request.principal)(await withinAnswerTimeout(order))
    },
  )

  app.put(
    '/orders/:id/status',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Change the status of an order (admins) or cancel it (its customer too, until it is prepared)',
        params: OrderParams,
        body: ChangeStatusBody,
        response: { 200: OrderDetails, ...problems },
      },
    },
    async (request) => {
      const input = { id: request.params.id, status: request.body.status }
      const changed = changeStatus(deps, requirePrincipal(request.principal), input)
      return toDetails(request.principal)(await withinAnswerTimeout(changed))
    },
  )

  registerEventRoute(app, deps, toDetails)
}
