import { randomUUID } from 'node:crypto'
import type { AccountDeletion } from '@halles/contracts/account-deletions'
import type { AccountEvent, AccountEventType } from '@halles/contracts/account-events'
import type { Customer, OrderEvent, Status } from '@halles/contracts/order-events'
import { createEncryption } from '@halles/auth/encryption'

/** Creates a customer with an id and an address that no other test uses. */
export function createCustomer(more: Partial<Customer> = {}): Customer {
  const id = randomUUID()
  return { id, name: 'Camille Martin', email: `${id}@example.test`, locale: 'fr', ...more }
}

/** The secret that auth-service and notification-service share in tests. */
export const LINK_SECRET = 'between auth-service and notification-service'

/** Creates an account event. A request for an action has a link with this token, valid until `expiresAt`. */
export async function createAccountEvent(
  type: AccountEventType,
  {
    user = createCustomer(),
    token = `${user.id}.${randomUUID()}`,
    expiresAt = new Date(Date.now() + 3_600_000),
    secret = LINK_SECRET,
  }: { user?: Customer; token?: string; expiresAt?: Date; secret?: string } = {},
): Promise<AccountEvent> {
  const encrypted = type.endsWith('-requested') ? await createEncryption(secret).encrypt(token) : undefined
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
      ...(encrypted !== undefined && { link: { sealed: encrypted, expiresAt: expiresAt.toISOString() } }),
    },
  }
}

/** Creates the event that an account was deleted. */
export const createAccountDeletion = (userId: string): AccountDeletion => ({
  specversion: '1.0',
  id: randomUUID(),
  source: '/auth-service',
  type: 'account.deleted',
  subject: userId,
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  data: { user: { id: userId } },
})

const statusPath: Status[] = ['Reçue', 'Confirmée', 'Préparée', 'Livrée']

/** Creates an event about a new order: by default its confirmation, which is its second event. */
export function createOrderEvent({
  customer = createCustomer(),
  orderId = randomUUID(),
  sequence = 2,
  status = statusPath[sequence - 1] ?? 'Livrée',
  ...more
}: Partial<Omit<OrderEvent, 'data'>> & {
  customer?: Customer
  orderId?: string
  sequence?: number
  status?: Status
} = {}): OrderEvent {
  const time = new Date().toISOString()
  const previous = statusPath.slice(0, sequence - 1)
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
        statusHistory: [...previous, status].map((status) => ({ status, timestamp: time })),
        createdAt: time,
      },
      previousStatus: previous.at(-1) ?? null,
      customer,
    },
    ...more,
  }
}
