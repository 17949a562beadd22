import type { OrderStatus } from '../../gen/schema.ts'
import type { StaffOrdersQuery } from './gen/staff-orders.ts'

/** An order of the list. */
export type ListedOrder = StaffOrdersQuery['orders']['nodes'][number]

export const statuses = ['RECUE', 'CONFIRMEE', 'PREPAREE', 'LIVREE', 'ANNULEE'] as const satisfies OrderStatus[]

/** The status that normally follows each one. The service decides whether a change is allowed. */
export const nextStatus = { RECUE: 'CONFIRMEE', CONFIRMEE: 'PREPAREE', PREPAREE: 'LIVREE' } as const satisfies Partial<
  Record<OrderStatus, OrderStatus>
>
export type Step = (typeof nextStatus)[keyof typeof nextStatus]

/** The next step of an order; undefined when it is delivered or cancelled. */
export const stepAfter = (status: OrderStatus): Step | undefined =>
  (nextStatus as Partial<Record<string, Step>>)[status]

/** What the URL of the list says. Text that is not valid counts as absent. */
export type OrdersFilter = {
  /** What was searched for: an order number, or words of a customer's name or address. */
  q: string
  status: OrderStatus | undefined
  from: string
  to: string
  overdue: boolean
  after: string | null
}

const readDay = (text: string | null): string =>
  text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : ''

export const readFilter = (params: URLSearchParams): OrdersFilter => ({
  q: params.get('q')?.trim() ?? '',
  status: statuses.find((status) => status === params.get('status')),
  from: readDay(params.get('from')),
  to: readDay(params.get('to')),
  overdue: params.get('overdue') === 'true',
  after: params.get('after'),
})

/** The order number in a search, which people also write as "#123" or "n° 123"; undefined for any other text. */
export const readNumber = (q: string): string | undefined => /^(?:#|n\s*°|no\.?)?\s*(\d{1,20})$/i.exec(q)?.[1]
