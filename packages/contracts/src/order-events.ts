import { Type, type Static } from 'typebox'
import { cloudEvent, createEventParser } from './cloud-events.ts'

/** The topic on which order-service publishes events of orders, keyed by order id. */
export const ORDER_EVENTS = 'order-events'
/** The number of partitions of the topic, which bounds the active instances of a consumer group. */
export const ORDER_EVENTS_PARTITIONS = 6
/** The dead-letter topic of all consumers of events; reason and origin are in the headers. */
export const ORDER_EVENTS_DLQ = 'order-events.dlq'

/** The statuses of an order, in Unicode NFC. */
export const statuses = ['Reçue', 'Confirmée', 'Préparée', 'Livrée', 'Annulée'] as const
export const Status = Type.Enum([...statuses], { title: 'Status' })
export type Status = (typeof statuses)[number]

/** An order in REST responses and in events. Prices and total are in euros. */
export const OrderView = Type.Object(
  {
    id: Type.String(),
    number: Type.String({ description: 'A unique decimal number that customers refer to the order by' }),
    userId: Type.String(),
    items: Type.Array(
      Type.Object({
        productId: Type.String(),
        name: Type.String(),
        quantity: Type.Integer(),
        price: Type.Number({ description: 'Euros for one unit, at the time of the order' }),
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

/** The customer at the time of the order, from the access token: the recipient of e-mails about the order. */
export const Customer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  email: Type.String(),
  locale: Type.Enum(['fr', 'en']),
})
export type Customer = Static<typeof Customer>

/** An event of an order, complete in itself. */
export const OrderEvent = cloudEvent({
  source: '/order-service',
  type: Type.Enum(['order.created', 'order.status-changed']),
  subject: 'The id of the order',
  data: Type.Object({
    sequence: Type.Integer({ minimum: 1, description: "Increases without gaps within one order's events" }),
    order: OrderView,
    previousStatus: Type.Union([Status, Type.Null()]),
    customer: Customer,
  }),
})
export type OrderEvent = Static<typeof OrderEvent>

/** The content type of events, in the Kafka header `content-type`. */
export const CLOUDEVENTS_JSON = 'application/cloudevents+json'

/** Parses a message of the topic (see createEventParser). */
export const parseOrderEvent: (text: string) => OrderEvent = createEventParser(OrderEvent, 'an order event')
