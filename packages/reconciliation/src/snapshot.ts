import { Customer, Status, type OrderEvent } from '@halles/contracts/order-events'
import { Type, type Static, type TSchema } from 'typebox'

// The content of all databases and topics at one point in time. The shapes are declared here again, independently of the
// services that write the data.

const Timestamp = Type.Refine(
  Type.Unsafe<Date>({}),
  (value) => value instanceof Date && !Number.isNaN(value.getTime()),
  () => 'must be a date',
)
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** A product, archived or not. */
export const Product = Type.Object({ _id: Type.String(), name: Type.String(), stock: Type.Integer() })
export type Product = Static<typeof Product>

/** A change of stock that is no sale: an opening or an adjustment. */
export const Movement = Type.Object({ _id: Type.String(), productId: Type.String(), delta: Type.Integer() })
export type Movement = Static<typeof Movement>

/** The stock that is reserved for an order. A released one without lines is a tombstone, which blocks a late reservation. */
export const Reservation = Type.Object({
  _id: Type.String({ description: 'The id of the order' }),
  state: Type.Enum(['held', 'released']),
  items: Type.Array(Type.Object({ productId: Type.String(), quantity: Type.Integer() })),
  at: Timestamp,
})
export type Reservation = Static<typeof Reservation>

/** A stored order: also one that is not confirmed yet (`Pending`) or never will be (`Cancelling`). Amounts are in euros. */
export const Order = Type.Object({
  _id: Type.String(),
  number: Type.String(),
  userId: Type.String(),
  customer: Customer,
  items: Type.Array(
    Type.Object({
      productId: Type.String(),
      name: Type.String(),
      quantity: Type.Integer(),
      price: Type.Number(),
    }),
  ),
  total: Type.Number(),
  status: Type.Union([Status, Type.Enum(['Pending', 'Cancelling'])]),
  statusHistory: Type.Array(Type.Object({ status: Status, timestamp: Timestamp })),
  createdAt: Timestamp,
  seq: Type.Integer(),
  /** The events that order-service has not marked as published. */
  unpublished: Type.Optional(Type.Array(Type.Object({ seq: Type.Integer(), at: Timestamp }))),
  /** The idempotency record of the request that placed the order. */
  idempotency: Type.Optional(Type.Object({ key: Type.String() })),
  /** Set while the release of the order's stock is pending. */
  releaseAttemptAt: Type.Optional(Timestamp),
})
export type Order = Static<typeof Order>

/** The delivery state of an e-mail. */
const delivery = {
  status: Type.Enum(['PENDING', 'SENT', 'FAILED']),
  attempts: Type.Integer(),
  /** When the mail server last accepted it. */
  sentAt: Nullable(Timestamp),
  /** When the first attempt to send this copy was due. */
  firstAttemptAt: Timestamp,
  nextAttemptAt: Timestamp,
  /** The end of the lease of the instance that is sending it. */
  leaseUntil: Type.Optional(Timestamp),
}

/** An e-mail about an event of an order. */
export const Email = Type.Object({
  _id: Type.String(),
  eventId: Type.String(),
  orderId: Type.String(),
  sequence: Type.Integer(),
  recipient: Type.String(),
  order: Type.Object({ status: Status }),
  happenedAt: Timestamp,
  ...delivery,
})
export type Email = Static<typeof Email>

/**
 * An e-mail about an account. Its content is not compared with its event, as the topic account-events retains one day only.
 */
export const AccountEmail = Type.Object({ _id: Type.String(), eventId: Type.String(), ...delivery })
export type AccountEmail = Static<typeof AccountEmail>

/** The position of a message, and when it was sent. */
export type MessagePosition = { partition: number; offset: string; timestamp: Date }

/** The content of an event by field. Lists and the customer are JSON texts, so that `===` compares them. */
export type EventContent = {
  type: OrderEvent['type']
  previousStatus: Status | null
  status: Status
  number: string
  userId: string
  total: number
  createdAt: string
  items: string
  statusHistory: string
  customer: string
}

/** An event on order-events. Each duplicate is a separate element. */
export type Event = MessagePosition & {
  id: string
  key: string | null
  orderId: string
  sequence: number
  content: EventContent
}

/** A message on order-events that is not a valid event, with the parser's message as the reason. */
export type UnparsableMessage = MessagePosition & { reason: string }

/**
 * A dead-lettered message. `origin` is its position on order-events, if it came from there. `eventId` is the id of the event
 * in it, if it is a valid one.
 */
export type DeadLetter = MessagePosition & {
  reason: string
  origin: Pick<MessagePosition, 'partition' | 'offset'> | undefined
  eventId: string | undefined
  /** When it was dead-lettered, by its headers, as an ISO 8601 text. */
  deadLetteredAt: string | undefined
}

/** A dead letter that admins can list: `_id` begins with its position on order-events.dlq, `<partition>.<offset>.`. */
export const ListedDeadLetter = Type.Object({ _id: Type.String(), deadLetteredAt: Type.String() })
export type ListedDeadLetter = Static<typeof ListedDeadLetter>

/** A document that does not have the declared shape. */
export type InvalidDocument = { collection: string; id: string; reason: string }

/** The content of the databases at one point in time, and of the topics up to a later one. */
export type Snapshot = {
  /** When the databases were read. */
  readAt: Date
  products: Product[]
  movements: Movement[]
  reservations: Reservation[]
  /** Including pending and cancelling ones. */
  orders: Order[]
  emails: Email[]
  accountEmails: AccountEmail[]
  /** The dead letters that admins can list. */
  listedDeadLetters: ListedDeadLetter[]
  invalidDocuments: InvalidDocument[]
  /** In topic order: by offset within each partition. */
  events: Event[]
  unparsable: UnparsableMessage[]
  deadLetters: DeadLetter[]
  /**
   * For each partition of order-events, the time of the oldest retained message; null if nothing was ever removed. A missing
   * event from before that time is no difference.
   */
  retainedFrom: (Date | null)[]
}
