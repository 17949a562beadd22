import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'

/** The topic on which order-service tells what became of orders; keyed by order id. */
export const ORDER_EVENTS = 'order-events'
/** How many partitions whoever comes first gives it: at most so many instances of one listener work at a time. */
export const ORDER_EVENTS_PARTITIONS = 6
/** Where what could not be processed is parked, with reason and origin in its headers. */
export const ORDER_EVENTS_DLQ = 'order-events.dlq'

/** The statuses of an order, in NFC. */
export const statuses = ['Reçue', 'Confirmée', 'Préparée', 'Livrée', 'Annulée'] as const
export const Status = Type.Enum([...statuses], { title: 'Status' })
export type Status = (typeof statuses)[number]

/** An order as REST answers it and as its events carry it. Prices and total are euros. */
export const OrderView = Type.Object(
  {
    id: Type.String(),
    number: Type.String({ description: 'A decimal number, unique: what the customer calls the order' }),
    userId: Type.String(),
    items: Type.Array(
      Type.Object({
        productId: Type.String(),
        name: Type.String(),
        quantity: Type.Integer(),
        price: Type.Number({ description: 'Euros for one, as ordered' }),
      }),
    ),
    total: Type.Number({ description: 'Euros: the sum of the lines, exact to the cent' }),
    status: Status,
    statusHistory: Type.Array(Type.Object({ status: Status, timestamp: Type.String({ format: 'date-time' }) })),
    createdAt: Type.String({ format: 'date-time' }),
  },
  { title: 'Order' },
)
export type OrderView = Static<typeof OrderView>

/** Who ordered, as their token said at that moment: the order's letters go there. */
export const Customer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  email: Type.String(),
  locale: Type.Enum(['fr', 'en']),
})
export type Customer = Static<typeof Customer>

/** A CloudEvent 1.0 in structured mode: what became of an order, whole in itself. */
export const OrderEvent = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Type.String({ minLength: 1, description: 'The same for every repeat of this event' }),
  source: Type.Literal('/order-service'),
  type: Type.Enum(['order.created', 'order.status-changed']),
  subject: Type.String({ minLength: 1, description: 'The id of the order' }),
  time: Type.String({ format: 'date-time' }),
  datacontenttype: Type.Literal('application/json'),
  traceparent: Type.Optional(Type.String()),
  data: Type.Object({
    sequence: Type.Integer({ minimum: 1, description: "Ascends without a gap within one order's events" }),
    order: OrderView,
    previousStatus: Type.Union([Status, Type.Null()]),
    customer: Customer,
  }),
})
export type OrderEvent = Static<typeof OrderEvent>

/** The content type that Kafka headers give these events. */
export const CLOUDEVENTS_JSON = 'application/cloudevents+json'

const orderEvent = Compile(OrderEvent)

/**
 * Reads an event from a message's text. Fields that are not known here are kept: events only ever gain some.
 *
 * @throws Error with a sentence that says what does not fit, without any of the content.
 */
export function parseOrderEvent(text: string): OrderEvent {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('not JSON')
  }
  if (orderEvent.Check(value)) return value
  const [first] = orderEvent.Errors(value)
  throw new Error(`not an order event: ${first?.instancePath || '/'} ${first?.message}`)
}
