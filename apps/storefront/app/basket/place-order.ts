import { ApiError } from '../api/errors.ts'
import { mutate } from '../api/api.ts'
import { session } from '../session/session.ts'
import type { BasketLine } from './basket.ts'
import { PlaceOrderDocument } from './gen/place-order.ts'

/** An order whose answer has not arrived. It is repeated with the same key, so that it cannot be placed twice. */
export type UnansweredOrder = { key: string; items: { productId: string; quantity: number }[]; expectedTotal: number }

/** Codes after which it is unknown whether the order was placed: ask again with the same key. */
const undecided: ReadonlySet<string> = new Set(['NETWORK', 'UNAVAILABLE', 'TIMEOUT', 'IN_PROGRESS', 'INTERNAL'])

export const isUndecided = (error: unknown): boolean => error instanceof ApiError && undecided.has(error.code)

const storageKey = (): string => {
  const state = session.state()
  return `halles.order.${state.status === 'signed-in' ? state.user.id : ''}`
}

/** The order of this account that has not been answered, also by an earlier page; undefined when there is none. */
export function unansweredOrder(): UnansweredOrder | undefined {
  const text = localStorage.getItem(storageKey())
  try {
    return text === null ? undefined : (JSON.parse(text) as UnansweredOrder)
  } catch {
    return undefined
  }
}

/** Prepares an order of these lines. Its key is kept until it is answered, across reloads. */
export function prepareOrder(lines: readonly BasketLine[], expectedTotal: number): UnansweredOrder {
  const items = lines.map(({ productId, quantity }) => ({ productId, quantity }))
  const order = { key: crypto.randomUUID(), items, expectedTotal }
  localStorage.setItem(storageKey(), JSON.stringify(order))
  return order
}

/**
 * Sends an order. Tabs send one after the other, so that a double click in two of them is one order.
 * @returns the id of the order
 * @throws ApiError whose code is undecided when the order may have been placed: send the same one again
 */
export function sendOrder({ key, items, expectedTotal }: UnansweredOrder): Promise<string> {
  const storage = storageKey()
  return navigator.locks.request('halles.order', async () => {
    try {
      const { placeOrder } = await mutate(PlaceOrderDocument, { input: { items, expectedTotal, idempotencyKey: key } })
      localStorage.removeItem(storage)
      return placeOrder.id
    } catch (error) {
      if (!isUndecided(error)) localStorage.removeItem(storage)
      throw error
    }
  })
}
