import { randomUUID } from 'node:crypto'
import type { OrderEvent, Status } from '@halles/contracts/order-events'

// The data of a small shop: the documents and messages of all services, as they write them, written here by hand.

type Line = { productId: string; name: string; quantity: number; price: number }

/** The time of the first status of each order, and the time at which the databases are read. */
export const noon = new Date('2026-11-24T12:00:00.000Z')
const minutes = (n: number): Date => new Date(noon.getTime() + n * 60_000)
export const readAt = minutes(30)

const comte = { _id: 'p-comte', name: 'Comté', price: 12.9, stock: 15, archived: false, search: { words: ['comte'] } }
const huile = { _id: 'p-huile', name: "Huile d'olive", price: 9.95, stock: 8, archived: false, search: { words: [] } }
const line = ({ _id, name, price }: typeof comte, quantity: number): Line => ({ productId: _id, name, quantity, price })

function order(id: string, number: string, items: Line[], total: number, statuses: Status[], more: object = {}) {
  const customer = {
    id: `u-${number}`,
    name: 'Camille Martin',
    email: `u-${number}@example.test`,
    locale: 'fr' as const,
  }
  return {
    _id: id,
    number,
    userId: customer.id,
    customer,
    items,
    total,
    status: statuses.at(-1)! as string,
    statusHistory: statuses.map((status, i) => ({ status, timestamp: minutes(i) })),
    createdAt: noon,
    seq: statuses.length,
    ...more,
  }
}

const delivered = order(
  'o-delivered',
  '1',
  [line(comte, 3), line(huile, 2)],
  58.6,
  ['Reçue', 'Confirmée', 'Préparée', 'Livrée'],
  {
    idempotency: { key: 'k1', expiresAt: minutes(1440), fingerprint: 'b' },
  },
)
const cancelled = order('o-cancelled', '2', [line(comte, 2)], 25.8, ['Reçue', 'Annulée'])
const received = order('o-received', '3', [line(comte, 1)], 12.9, ['Reçue'])
/** Created a moment before the databases are read. */
const pending = order('o-pending', '4', [line(comte, 1)], 12.9, ['Reçue'], {
  status: 'Pending',
  createdAt: new Date(readAt.getTime() - 2000),
  unpublished: [{ seq: 1, type: 'order.created', at: new Date(readAt.getTime() - 2000), previousStatus: null }],
  nextAttemptAt: new Date(readAt.getTime() + 13_000),
})

function events({ _id, statusHistory, status: _status, customer, seq: _seq, ...rest }: typeof received): OrderEvent[] {
  return statusHistory.map(({ status, timestamp }, i) => ({
    specversion: '1.0',
    id: `${_id}.${i + 1}`,
    source: '/order-service',
    type: i === 0 ? 'order.created' : 'order.status-changed',
    subject: _id,
    time: timestamp.toISOString(),
    datacontenttype: 'application/json',
    data: {
      sequence: i + 1,
      order: {
        id: _id,
        number: rest.number,
        userId: rest.userId,
        items: rest.items,
        total: rest.total,
        status,
        statusHistory: statusHistory.slice(0, i + 1).map((entry) => ({
          status: entry.status,
          timestamp: entry.timestamp.toISOString(),
        })),
        createdAt: rest.createdAt.toISOString(),
      },
      previousStatus: statusHistory[i - 1]?.status ?? null,
      customer,
    },
  }))
}

const published = [delivered, cancelled, received].flatMap(events)

const email = ({ id, subject, time, data: { sequence, order, customer } }: OrderEvent) => ({
  _id: `email-${id}`,
  eventId: id,
  orderId: subject,
  sequence,
  recipient: customer.email,
  order: { number: order.number, status: order.status, total: order.total },
  happenedAt: new Date(time),
  status: 'SENT',
  attempts: 1,
  sentAt: new Date(time) as Date | null,
  firstAttemptAt: new Date(time),
  nextAttemptAt: new Date(time),
  lastError: null as string | null,
})

const accountEmail = {
  _id: 'email-of-account',
  eventId: '0199a1c3-2222-7aaa-8bbb-00000000000a',
  recipient: 'u-1042@example.test',
  account: { type: 'account.password-changed', role: 'user' },
  happenedAt: noon,
  status: 'SENT',
  attempts: 1,
  sentAt: noon as Date | null,
  firstAttemptAt: noon,
  nextAttemptAt: noon,
  lastError: null as string | null,
}

/** The data of a consistent shop, with a duplicate event, a tombstone and a dead-lettered message among it. */
export const createSampleShop = () =>
  structuredClone({
    product: {
      products: [comte, huile],
      movements: [
        { _id: randomUUID(), productId: comte._id, kind: 'opening', delta: 25, reason: null, by: null, at: noon },
        { _id: randomUUID(), productId: comte._id, kind: 'adjustment', delta: -5, reason: 'casse', by: 'a', at: noon },
        { _id: randomUUID(), productId: huile._id, kind: 'opening', delta: 10, reason: null, by: null, at: noon },
      ],
      reservations: [
        ...[delivered, received, pending].map(({ _id, items, createdAt }) => ({
          _id,
          state: 'held',
          items: items.map(({ productId, quantity }) => ({ productId, quantity })),
          at: createdAt,
        })),
        {
          _id: cancelled._id,
          state: 'released',
          items: [{ productId: comte._id, quantity: 2 }],
          at: noon,
          releasedAt: noon,
        },
        { _id: 'o-undone', state: 'released', items: [], at: noon, releasedAt: noon },
      ],
    },
    order: { orders: [delivered, cancelled, received, pending] },
    notification: {
      emails: [...published.map(email), accountEmail],
      deadLetters: [{ _id: '0.0.digest', reason: 'not JSON', deadLetteredAt: noon.toISOString() }],
    },
    /** The messages of the only partition, in order. */
    messages: [
      ...published.map((event) => ({ key: event.subject, value: JSON.stringify(event), at: new Date(event.time) })),
      { key: 'o-received', value: JSON.stringify(published.at(-1)), at: minutes(5) },
      { key: null, value: 'no event', at: minutes(6) },
    ],
    deadLettered: [
      {
        key: null,
        value: 'no event',
        headers: {
          reason: 'not JSON',
          'origin-topic': 'order-events',
          'origin-partition': '0',
          'origin-offset': String(published.length + 1),
          'parked-at': noon.toISOString(),
        },
      },
    ],
  })
export type SampleShop = ReturnType<typeof createSampleShop>
