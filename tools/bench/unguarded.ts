// The same flow without guarantees, as a naive order service implements it. It has the same service shell (tokens,
// validation, logs, metrics, errors), basket rules, document, event and response as order-service. But it checks the stock
// without reserving it, ignores idempotency keys, and inserts the order before it sends the event (a dual write), so that a
// crash in between loses the event. An order is one insert and one send, and the response 201 waits for both.
// Arguments: port, MongoDB URL, Kafka brokers, product-service's gRPC address, JWKS URL.
import { OrderView, ORDER_EVENTS, CLOUDEVENTS_JSON } from '@halles/contracts/order-events'
import { createServiceApp } from '@halles/fastify-service/app'
import { newId } from '@halles/mongo/ids'
import { createJwksClient } from '@halles/auth/jwks-client'
import { connectMongo } from '@halles/mongo/mongo'
import { requirePrincipal } from '@halles/auth/principal'
import { ProblemDetails } from '@halles/validation/schema'
import { traceHeaders } from '@halles/telemetry/trace'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { checkDecimals, mergeLines, PlaceOrderInput, priceLines, type BasketLine } from '@halles/order-service/basket'
import { createOrder, toOrderView, type Order } from '@halles/order-service/order'
import { toOrderEvent } from '@halles/order-service/outbox'
import { createOrderNumbers } from '@halles/order-service/pending-orders'
import { createStockClient, type CheckedStock } from '@halles/order-service/stock-client'
import { serveParent } from './child-process.ts'

/** `check` calls product-service's CheckStock, as order-service does; `skip` calls nothing and uses a fixed price. */
export type StockCheck = 'check' | 'skip'

const [port, mongodb, brokers, productGrpc, jwks] = process.argv.slice(2) as [string, string, string, string, string]
let stockCheck: StockCheck = 'check'

const mongo = await connectMongo(mongodb, 'unguarded')
const orders = mongo.db.collection<Order>('orders')
await orders.createIndexes([{ key: { userId: 1, status: 1, _id: -1 } }, { key: { status: 1, _id: -1 } }])
const takeNumber = createOrderNumbers(mongo.db)
const stock = createStockClient(productGrpc)
const producer = new Kafka({ clientId: 'unguarded', brokers: brokers.split(','), logLevel: logLevel.ERROR }).producer({
  createPartitioner: Partitioners.DefaultPartitioner,
  allowAutoTopicCreation: false,
})
await producer.connect()

const app = await createServiceApp({
  name: 'unguarded',
  logLevel: 'info',
  findPublicKey: createJwksClient(jwks),
  issuer: 'halles',
  audience: 'halles',
  readinessChecks: { mongodb: mongo.ping },
})

const fixedStock = (lines: BasketLine[]): CheckedStock[] =>
  lines.map(() => ({ available: 999, product: { name: 'Benchmark product', price: 12.5 } }))

app.post(
  '/orders',
  {
    preValidation: async (request) => void requirePrincipal(request.principal),
    schema: { body: PlaceOrderInput, response: { 201: OrderView, '4xx': ProblemDetails, '5xx': ProblemDetails } },
  },
  async (request, reply) => {
    const customer = requirePrincipal(request.principal)
    checkDecimals(request.body)
    const lines = mergeLines(request.body.items)
    const available = stockCheck === 'check' ? await stock.check(lines) : fixedStock(lines)
    const order = createOrder({
      _id: newId(),
      number: await takeNumber(),
      customer: { id: customer.id, name: customer.name, email: customer.email, locale: customer.locale },
      items: priceLines(lines, available, request.body.expectedTotal),
      at: new Date(),
      traceparent: traceHeaders()['traceparent'],
    })
    const [event] = order.unpublished!
    delete order.unpublished
    await orders.insertOne(order)
    const value = JSON.stringify(toOrderEvent(order, event!))
    const message = { key: order._id, value, headers: { 'content-type': CLOUDEVENTS_JSON } }
    await producer.send({ topic: ORDER_EVENTS, messages: [message], acks: -1 })
    return reply.code(201).header('location', `/orders/${order.userId}/${order._id}`).send(toOrderView(order))
  },
)
await app.listen({ host: '127.0.0.1', port: Number(port) })

serveParent(async (request: { stockCheck: StockCheck }): Promise<void> => {
  stockCheck = request.stockCheck
})
