import { randomUUID } from 'node:crypto'
import type { Customer, OrderEvent, Status } from '@halles/contracts/order-events'

/** A customer of their own. */
export function someCustomer(more: Partial<Customer> = {}): Customer {
  const id = randomUUID()
  return { id, name: 'Camille Martin', email: `${id}@example.test`, locale: 'fr', ...more }
}

const path: Status[] = ['Reçue', 'Confirmée', 'Préparée', 'Livrée']

/** An event about an order of its own: by default its confirmation, the second event. */
export function someEvent({
  customer = someCustomer(),
  orderId = randomUUID(),
  sequence = 2,
  status = path[sequence - 1] ?? 'Livrée',
  ...more
}: Partial<Omit<OrderEvent, 'data'>> & {
  customer?: Customer
  orderId?: string
  sequence?: number
  status?: Status
} = {}): OrderEvent {
  const time = new Date().toISOString()
  const before = path.slice(0, sequence - 1)
  return {
    specversion: '1.0',
    id: `${orderId}.${sequence}`,
    source: '/order-service',
    type: sequence === 1 ? 'order.created' : 'order.status-changed',
    subject: orderId,
    time,
    datacontenttype: 'application/json',
    data: {
      sequence,
      order: {
        id: orderId,
        number: '1042',
        userId: customer.id,
        items: [{ productId: randomUUID(), name: 'Thé vert, 100 g', quantity: 3, price: 4.5 }],
        total: 13.5,
        status,
        statusHistory: [...before, status].map((status) => ({ status, timestamp: time })),
        createdAt: time,
      },
      previousStatus: before.at(-1) ?? null,
      customer,
    },
    ...more,
  }
}
