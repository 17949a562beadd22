import { randomUUID } from 'node:crypto'
import type { OrderEvent, Status } from '@halles/contracts/order-events'

// A small shop on paper: the documents and messages of all services, as they write them, written here by hand.

type Line = { productId: string; name: string; quantity: number; price: number }

/** When each status of an order came, and when the databases are read. */
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
    idem: { key: 'k1', until: minutes(1440), basket: 'b' },
  },
)
const cancelled = order('o-cancelled', '2', [line(comte, 2)], 25.8, ['Reçue', 'Annulée'])
const received = order('o-received', '3', [line(comte, 1)], 12.9, ['Reçue'])
/** Begun a moment before the databases are read. */
const begun = order('o-begun', '4', [line(comte, 1)], 12.9, ['Reçue'], {
  status: 'Intent',
  createdAt: new Date(readAt.getTime() - 2000),
  unsent: [{ seq: 1, type: 'order.created', at: new Date(readAt.getTime() - 2000), previousStatus: null }],
  sweepAt: new Date(readAt.getTime() + 13_000),
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

const told = [delivered, cancelled, received].flatMap(events)

const letter = ({ id, subject, time, data: { sequence, order, customer } }: OrderEvent) => ({
  _id: `letter-${id}`,
  eventId: id,
  orderId: subject,
  sequence,
  recipient: customer.email,
  order: { number: order.number, status: order.status, total: order.total },
  happenedAt: new Date(time),
  status: 'SENT',
  attempts: 1,
  sentAt: new Date(time) as Date | null,
  since: new Date(time),
  nextAttemptAt: new Date(time),
  lastError: null as string | null,
})

const accountLetter = {
  _id: 'letter-of-account',
  eventId: '0199a1c3-2222-7aaa-8bbb-00000000000a',
  recipient: 'u-1042@example.test',
  account: { type: 'account.password-changed', role: 'user' },
  happenedAt: noon,
  status: 'SENT',
  attempts: 1,
  sentAt: noon as Date | null,
  since: noon,
  nextAttemptAt: noon,
  lastError: null as string | null,
}

/** Everything that a shop in good order has written down: a repeat, a tombstone, poison that is parked among it. */
export const smallShop = () =>
  structuredClone({
    product: {
      products: [comte, huile],
      movements: [
        { _id: randomUUID(), productId: comte._id, kind: 'opening', delta: 25, reason: null, by: null, at: noon },
        { _id: randomUUID(), productId: comte._id, kind: 'adjustment', delta: -5, reason: 'casse', by: 'a', at: noon },
        { _id: randomUUID(), productId: huile._id, kind: 'opening', delta: 10, reason: null, by: null, at: noon },
      ],
      reservations: [
        ...[delivered, received, begun].map(({ _id, items, createdAt }) => ({
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
    order: { orders: [delivered, cancelled, received, begun] },
    notification: { letters: [...told.map(letter), accountLetter], deadLetters: [{ _id: '0.0', reason: 'not JSON' }] },
    /** One partition, in order. */
    messages: [
      ...told.map((event) => ({ key: event.subject, value: JSON.stringify(event), at: new Date(event.time) })),
      { key: 'o-received', value: JSON.stringify(told.at(-1)), at: minutes(5) },
      { key: null, value: 'no event', at: minutes(6) },
    ],
    parked: [
      {
        key: null,
        value: 'no event',
        headers: {
          reason: 'not JSON',
          'origin-topic': 'order-events',
          'origin-partition': '0',
          'origin-offset': String(told.length + 1),
        },
      },
    ],
  })
export type SmallShop = ReturnType<typeof smallShop>
