import { newId } from '@halles/service/ids'
import type { Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { traceHeaders } from '@halles/service/trace'
import { checkDecimals, digestOf, holdRefusal, priced, summed, type PlaceOrder, type Wanted } from './basket.ts'
import type { Intents } from './intents.ts'
import { orderOf, type Order } from './order.ts'
import type { Mark } from './orders.ts'
import type { Stock } from './stock.ts'

/** What placing an order needs; its steps are these functions, in the order in which `place` calls them. */
export type PlacingHelpers = {
  stock: Pick<Stock, 'check' | 'hold'>
  /** A number that no other order has. */
  takeNumber: () => Promise<string>
  intents: Pick<Intents, 'add' | 'drop' | 'confirm' | 'underKey'>
  /** Undoes an intent whose fate is not known: never rejects, for recovery comes after it. */
  giveUp: (orderId: string) => Promise<void>
  /** Says that an order is new, and has that to tell. */
  tell: (order: Order) => void
  now: () => Date
}

/** How long a key answers with its order, in milliseconds. */
const KEY_FOR = 24 * 3600_000

/**
 * Places an order at today's prices, or nothing. With a key, the same basket again answers the same order as it is now,
 * and says `replayed`.
 *
 * @throws Refusal of basket.ts; with a key `IN_PROGRESS` while its order is being placed and `IDEMPOTENCY_KEY_REUSED`
 *   for another basket; `UNAVAILABLE` or `TIMEOUT` when it is not placed, or not known to be.
 */
export async function placeOrder(
  helpers: PlacingHelpers,
  customer: Person,
  wish: PlaceOrder,
  key?: string,
): Promise<{ order: Order; replayed: boolean }> {
  checkDecimals(wish)
  const lines = summed(wish.items)
  const until = new Date(helpers.now().getTime() + KEY_FOR)
  const mark = key === undefined ? undefined : { key, until, basket: digestOf(lines) }
  try {
    return { order: await place(helpers, customer, lines, wish.expectedTotal, mark), replayed: false }
  } catch (refusal) {
    // Whatever is refused now (the last one sold, perhaps to this very order), a key that has its order answers with it.
    const earlier = mark && (await placedBefore(helpers, customer, mark))
    if (earlier) return { order: earlier, replayed: true }
    throw refusal
  }
}

/** Look, intend, hold, confirm: docs/decisions/0002-look-intend-hold-confirm.md. */
async function place(
  { stock, takeNumber, intents, giveUp, tell, now }: PlacingHelpers,
  customer: Person,
  lines: Wanted[],
  expectedTotal: number | undefined,
  mark: Mark | undefined,
): Promise<Order> {
  const items = priced(lines, await stock.check(lines), expectedTotal)
  const order = orderOf({
    _id: newId(),
    number: await takeNumber(),
    customer: { id: customer.id, name: customer.name, email: customer.email, locale: customer.locale },
    items,
    at: now(),
    traceparent: traceHeaders()['traceparent'],
  })
  const orGiveUp = <T>(step: Promise<T>): Promise<T> =>
    step.catch(async (error: unknown) => {
      await giveUp(order._id)
      throw error
    })

  if (!(await orGiveUp(intents.add(order, mark))))
    throw new Refusal('IN_PROGRESS', 'An order with this key is being placed right now.')
  const hold = await orGiveUp(stock.hold({ orderId: order._id, items }))
  if (hold.outcome === 'refused') {
    await intents.drop(order._id)
    throw holdRefusal(lines, hold)
  }
  const confirmed = hold.outcome === 'held' && (await orGiveUp(intents.confirm(order._id)))
  // Recovery came first: this took so long that the order counted as left behind.
  if (!confirmed) throw new Refusal('UNAVAILABLE', 'This took too long, and nothing was ordered: try again.')
  tell(order)
  return order
}

async function placedBefore({ intents }: PlacingHelpers, { id }: Person, mark: Mark): Promise<Order | undefined> {
  const found = await intents.underKey(id, mark.key)
  if (!found) return undefined
  if (!found.order) throw new Refusal('IN_PROGRESS', 'An order with this key is being placed right now.')
  if (found.basket !== mark.basket)
    throw new Refusal('IDEMPOTENCY_KEY_REUSED', 'This key belongs to an order of something else: take another.')
  return found.order
}
