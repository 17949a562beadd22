import { randomUUID } from 'node:crypto'
import type { AccountDeletion } from '@halles/contracts/account-deletions'
import type { AccountEvent, AccountEventType } from '@halles/contracts/account-events'
import type { Customer, OrderEvent, Status } from '@halles/contracts/order-events'
import { sealingUnder } from '@halles/service/sealed'

/** A customer of their own. */
export function someCustomer(more: Partial<Customer> = {}): Customer {
  const id = randomUUID()
  return { id, name: 'Camille Martin', email: `${id}@example.test`, locale: 'fr', ...more }
}

/** What the links in the letters of tests are sealed with. */
export const LINK_SECRET = 'between auth-service and notification-service'

/** An event about someone's account; a request has a link with this token, good until then. */
export async function someAccountEvent(
  type: AccountEventType,
  {
    user = someCustomer(),
    token = `${user.id}.${randomUUID()}`,
    expiresAt = new Date(Date.now() + 3_600_000),
    secret = LINK_SECRET,
  }: { user?: Customer; token?: string; expiresAt?: Date; secret?: string } = {},
): Promise<AccountEvent> {
  const sealed = type.endsWith('-requested') ? await sealingUnder(secret).seal(token) : undefined
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: '/auth-service',
    type,
    subject: user.id,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data: {
      user: { ...user, role: 'user' },
      ...(sealed !== undefined && { link: { sealed, expiresAt: expiresAt.toISOString() } }),
    },
  }
}

/** That an account was deleted. */
export const someDeletion = (userId: string): AccountDeletion => ({
  specversion: '1.0',
  id: randomUUID(),
  source: '/auth-service',
  type: 'account.deleted',
  subject: userId,
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  data: { user: { id: userId } },
})

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
