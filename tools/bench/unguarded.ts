// The same flow without the guarantees: what an order service does that takes no care. It has the same shell (tokens,
// shapes, logs, metrics, errors), the same basket rules, document, event and answer as order-service. But it only looks at
// the stock and never holds it, knows no idempotency key, and stores the order first and sends the event afterwards, so
// that a crash in between loses it. Every order is one insert and one send; the 201 waits for both.
// ARGV: port, MongoDB, Kafka, product-service's gRPC door, JWKS.
import { OrderView, ORDER_EVENTS, CLOUDEVENTS_JSON } from '@halles/contracts/order-events'
import { serviceApp } from '@halles/service/app'
import { newId } from '@halles/service/ids'
import { keysAt } from '@halles/service/keys'
import { openMongo } from '@halles/service/mongo'
import { signedIn } from '@halles/service/person'
import { Problem } from '@halles/service/schema'
import { traceHeaders } from '@halles/service/trace'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { checkDecimals, PlaceOrder, priced, summed, type Wanted } from '@halles/order-service/basket'
import { numbersIn } from '@halles/order-service/numbers'
import { orderOf, orderView, type Order } from '@halles/order-service/order'
import { orderEvent } from '@halles/order-service/outbox'
import { stockAt, type ShelfLine } from '@halles/order-service/stock'
import { answering } from './child.ts'

/** `looking` asks product-service's CheckStock, as order-service does; `blind` asks no one, and takes any price. */
export type Manner = 'looking' | 'blind'

const [port, mongodb, brokers, productGrpc, jwks] = process.argv.slice(2) as [string, string, string, string, string]
let manner: Manner = 'looking'

const mongo = await openMongo(mongodb, 'unguarded')
const orders = mongo.db.collection<Order>('orders')
await orders.createIndexes([{ key: { userId: 1, status: 1, _id: -1 } }, { key: { status: 1, _id: -1 } }])
const takeNumber = numbersIn(mongo.db)
const stock = stockAt(productGrpc)
const producer = new Kafka({ clientId: 'unguarded', brokers: brokers.split(','), logLevel: logLevel.ERROR }).producer({
  createPartitioner: Partitioners.DefaultPartitioner,
  allowAutoTopicCreation: false,
})
await producer.connect()

const app = await serviceApp({
  name: 'unguarded',
  logLevel: 'info',
  keyOf: keysAt(jwks),
  issuer: 'halles',
  audience: 'halles',
  needs: { mongodb: mongo.ping },
})

const anything = (lines: Wanted[]): ShelfLine[] =>
  lines.map(() => ({ available: 999, product: { name: 'A thing of the bench', price: 12.5 } }))

app.post(
  '/orders',
  {
    preValidation: async (request) => void signedIn(request.person),
    schema: { body: PlaceOrder, response: { 201: OrderView, '4xx': Problem, '5xx': Problem } },
  },
  async (request, reply) => {
    const person = signedIn(request.person)
    checkDecimals(request.body)
    const lines = summed(request.body.items)
    const shelf = manner === 'looking' ? await stock.check(lines) : anything(lines)
    const order = orderOf({
      _id: newId(),
      number: await takeNumber(),
      customer: { id: person.id, name: person.name, email: person.email, locale: person.locale },
      items: priced(lines, shelf, request.body.expectedTotal),
      at: new Date(),
      traceparent: traceHeaders()['traceparent'],
    })
    const [event] = order.unsent!
    delete order.unsent
    await orders.insertOne(order)
    const value = JSON.stringify(orderEvent(order, event!))
    const message = { key: order._id, value, headers: { 'content-type': CLOUDEVENTS_JSON } }
    await producer.send({ topic: ORDER_EVENTS, messages: [message], acks: -1 })
    return reply.code(201).header('location', `/orders/${order.userId}/${order._id}`).send(orderView(order))
  },
)
await app.listen({ host: '127.0.0.1', port: Number(port) })

answering(async (wanted: { manner: Manner }): Promise<void> => {
  manner = wanted.manner
})
