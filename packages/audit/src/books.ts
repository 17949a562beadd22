import { Customer, Status, type OrderEvent } from '@halles/contracts/order-events'
import { Type, type Static, type TSchema } from 'typebox'

// The books of the shop, as this auditor knows them: what is in the databases and on the topics, in shapes of its own.

const Moment = Type.Refine(
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

/** What an order took from the shelf. Released without lines is a tombstone: it stands in the way of an order that comes late. */
export const Reservation = Type.Object({
  _id: Type.String({ description: 'The id of the order' }),
  state: Type.Enum(['held', 'released']),
  items: Type.Array(Type.Object({ productId: Type.String(), quantity: Type.Integer() })),
  at: Moment,
})
export type Reservation = Static<typeof Reservation>

/** An order as it is stored, or what is not one yet (`Intent`) or never will be (`Undoing`). Prices and total are euros. */
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
  status: Type.Union([Status, Type.Enum(['Intent', 'Undoing'])]),
  statusHistory: Type.Array(Type.Object({ status: Status, timestamp: Moment })),
  createdAt: Moment,
  seq: Type.Integer(),
  /** What Kafka has not acknowledged yet, as far as order-service knows. */
  unsent: Type.Optional(Type.Array(Type.Object({ seq: Type.Integer(), at: Moment }))),
  /** The key it was placed under. */
  idem: Type.Optional(Type.Object({ key: Type.String() })),
  /** Its stock is owed back to the shelf. */
  releaseAt: Type.Optional(Moment),
})
export type Order = Static<typeof Order>

/** How far a letter is. */
const delivery = {
  status: Type.Enum(['PENDING', 'SENT', 'FAILED']),
  attempts: Type.Integer(),
  /** When it was last handed over. */
  sentAt: Nullable(Moment),
  /** Since when this copy is tried. */
  since: Moment,
  nextAttemptAt: Moment,
  /** Until when one instance has it in hand. */
  leasedUntil: Type.Optional(Moment),
}

/** A letter about an event of an order, and how far it is. */
export const Letter = Type.Object({
  _id: Type.String(),
  eventId: Type.String(),
  orderId: Type.String(),
  sequence: Type.Integer(),
  recipient: Type.String(),
  order: Type.Object({ status: Status }),
  happenedAt: Moment,
  ...delivery,
})
export type Letter = Static<typeof Letter>

/**
 * A letter about an account. Of what it tells nothing is compared: account-events keeps a day, and what is in it is
 * between auth-service and the letter's reader.
 */
export const AccountLetter = Type.Object({ _id: Type.String(), eventId: Type.String(), ...delivery })
export type AccountLetter = Static<typeof AccountLetter>

/** Where a message stands, and when it was sent. */
export type Place = { partition: number; offset: string; timestamp: Date }

/** What an event tells, field by field; lists and people as JSON, so that they compare. */
export type Telling = {
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

/** An event as it is on order-events: each repeat is one more. */
export type Event = Place & { id: string; key: string | null; orderId: string; sequence: number; telling: Telling }

/** A message on order-events that is no event: `why` as the contract's parser says. */
export type Poison = Place & { why: string }

/**
 * A message that was parked. `origin` is where it stood on order-events, if it came from there; `eventId` the id of the event
 * that it is, if it is one.
 */
export type DeadLetter = Place & {
  reason: string
  origin: Pick<Place, 'partition' | 'offset'> | undefined
  eventId: string | undefined
}

/** A dead letter as admins see it listed: `_id` is its place on order-events.dlq, `<partition>.<offset>`. */
export const Listed = Type.Object({ _id: Type.String() })
export type Listed = Static<typeof Listed>

/** A document that does not fit its shape. */
export type Misfit = { collection: string; id: string; why: string }

/** All that the shop has written down: the databases at one moment, and the topics up to a moment after it. */
export type Books = {
  /** When the databases were read. */
  readAt: Date
  products: Product[]
  movements: Movement[]
  reservations: Reservation[]
  /** Intents and what is being undone among them. */
  orders: Order[]
  letters: Letter[]
  accountLetters: AccountLetter[]
  /** The dead letters that admins can see. */
  listed: Listed[]
  misfits: Misfit[]
  /** In topic order: each partition's by offset. */
  events: Event[]
  poison: Poison[]
  deadLetters: DeadLetter[]
  /**
   * From when on Kafka still has all of order-events, by partition: null where nothing was ever removed. Of what happened
   * before, a missing event says nothing.
   */
  retainedFrom: (Date | null)[]
}
