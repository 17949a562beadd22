import { randomUUID } from 'node:crypto'
import { newId } from '@halles/service/ids'
import { someAdmin, someone } from '@halles/testkit/people'
import { say, type Process } from '@halles/testkit/process'
import { eventually } from '@halles/testkit/wait'
import type { Db } from 'mongodb'
import { orderOf, type Order } from '../src/order.ts'
import type { Stock } from '../src/stock.ts'
import type { Stores } from './stores.ts'

/** What is there of a product when a day begins. */
export const OPENING = 30

/** The shop around order-service, as it stays while order-service dies. */
export type Surroundings = {
  /** This lane's orders: looked at, and filled with what earlier crashes have left. */
  stores: Stores
  stock: Stock
  /** Product-service's REST door, and its database. */
  products: string
  productDb: Db
}

type Wish = { key: string; product: string; quantity: number }

/**
 * One customer and one admin of a shop that may die under their hands: what they asked for, and what they were told. A
 * wish that was told an order must have that one, every other one order or none, and its key tells which.
 */
export async function newDay({ stores, stock, products, productDb }: Surroundings) {
  const camille = someone()
  const admin = someAdmin()
  const wishes: Wish[] = []
  /** By key, the order that was answered 201. */
  const told = new Map<string, string>()
  /** The status changes that were answered 200. */
  const changed: { orderId: string; status: string }[] = []
  /** Answers that nobody should get, whatever dies. */
  const wrong: string[] = []

  const put = async (stock: number): Promise<string> => {
    const answer = await say(products, admin, 'POST', '/products', {
      name: 'Comté 18 mois',
      price: 12.9,
      category: 'Fromagerie',
      stock,
    })
    return answer!.body.id
  }
  const [product, rare] = await Promise.all([put(OPENING), put(1)])

  /** An order that a process left behind 20 s ago, as it is once its stock is held. */
  const left = async (key?: string): Promise<Order> => {
    const { id, name, email, locale } = camille
    const at = new Date(Date.now() - 20_000)
    const items = [{ productId: product, name: 'Comté 18 mois', quantity: 1, price: 12.9 }]
    const number = await stores.takeNumber()
    const order = orderOf({ _id: newId(), number, customer: { id, name, email, locale }, items, at })
    await stores.intents.add(order, key === undefined ? undefined : { key, until: at, basket: 'of long ago' })
    await stores.collection.updateOne({ _id: order._id }, { $set: { sweepAt: new Date(Date.now() - 5000) } })
    await stock.hold({ orderId: order._id, items })
    return order
  }

  /** What earlier crashes have left: an intent with its stock, an order cancelled and not told, a key that had its time. */
  const leave = async () => {
    const expired = randomUUID()
    const [intent, cancelled, old] = await Promise.all([left(), left(), left(expired)])
    await Promise.all([stores.intents.confirm(cancelled._id), stores.intents.confirm(old._id)])
    await stores.orders.move(cancelled, 'Annulée', { at: cancelled.createdAt })
    return { intent: intent._id, cancelled: cancelled._id, old: old._id, expired }
  }

  /** Takes hold of the product in a transaction that nobody else knows of: sales of it wait until the end. */
  const lock = async () => {
    const session = productDb.client.startSession()
    session.startTransaction()
    await productDb
      .collection<{ _id: string }>('products')
      .updateOne({ _id: product }, { $set: { locked: true } }, { session })
    return async () => {
      if (session.inTransaction()) await session.abortTransaction()
      await session.endSession()
    }
  }

  /** Dealings with one running process; each step ends them all by throwing `gone` when the process is. */
  const dealings = (url: string) => {
    const heard = <T>(answer: T | undefined): T => {
      if (answer === undefined) throw gone
      return answer
    }
    /** What a placing answers: any time, that it took too long or cannot be known. */
    const place = async (wish: Wish, ...expected: number[]): Promise<string | undefined> => {
      wishes.push(wish)
      const items = [{ productId: wish.product, quantity: wish.quantity }]
      const answer = heard(await say(url, camille, 'POST', '/orders', { items }, { 'idempotency-key': wish.key }))
      if (answer.status === 201) {
        const earlier = told.get(wish.key)
        if (earlier !== undefined && earlier !== answer.body.id) wrong.push(`${wish.key} became two orders`)
        told.set(wish.key, answer.body.id)
      }
      if (![201, 503, 504, ...expected].includes(answer.status))
        wrong.push(`placing answered ${answer.status} ${answer.body.code}`)
      return told.get(wish.key)
    }
    const change = async (who: typeof camille, orderId: string | undefined, status: string): Promise<void> => {
      if (orderId === undefined) return
      const answer = heard(await say(url, who, 'PUT', `/orders/${orderId}/status`, { status }))
      if (answer.status === 200) changed.push({ orderId, status })
      else if (![503, 504].includes(answer.status))
        wrong.push(`${status} answered ${answer.status} ${answer.body.code}`)
    }
    /** Waits until nothing of today is owed any more. */
    const quiet = async (): Promise<void> => {
      const owed = { userId: camille.id, $or: [{ releaseAt: { $exists: true } }, { sweepAt: { $exists: true } }] }
      await eventually('quiet', async () => {
        heard(await say(url, camille, 'GET', `/orders/${camille.id}`))
        return (await stores.collection.countDocuments(owed)) === 0
      })
    }
    const wish = (of = product, quantity = 1): Wish => ({ key: randomUUID(), product: of, quantity })

    return {
      /** Placed and moved on, placed and cancelled, repeated, refused, all at once. */
      everyday: async (expired: string): Promise<void> => {
        heard(await say(url, admin, 'GET', '/readyz'))
        const first = wish(product, 2)
        await change(admin, await place(first), 'Confirmée')
        await place(first)
        await Promise.all([
          ...Array.from({ length: 8 }, async () => change(admin, await place(wish()), 'Confirmée')),
          place({ ...wish(), key: expired }),
          ...Array.from({ length: 3 }, () => place(wish(rare), 409)),
        ])
        await change(camille, await place(wish()), 'Annulée')
        await quiet()
      },

      /** The product is kept from being sold for longer than anyone waits. */
      stuck: async (): Promise<void> => {
        await quiet()
        const unlock = await lock()
        try {
          await place(wish())
        } finally {
          await unlock()
        }
      },

      /** The same, but the intent counts as left behind, and is undone, before the product can be sold again. */
      late: async (): Promise<void> => {
        await quiet()
        const unlock = await lock()
        const placing = place(wish())
        placing.catch(() => {})
        try {
          const mine = { userId: camille.id, status: 'Intent', sweepAt: { $gt: new Date() } } as const
          const { _id } = await eventually('the intent', () => stores.collection.findOne(mine))
          await stores.collection.updateOne({ _id, status: 'Intent' }, { $set: { sweepAt: new Date() } })
          await eventually('it is being undone', () => stores.collection.findOne({ _id, status: 'Undoing' }))
        } finally {
          await unlock()
        }
        await placing
      },

      /** An order moves on after its first event went out, and before that is noted: the process takes its time there. */
      overtaken: async (): Promise<void> => {
        await quiet()
        await change(admin, await place(wish()), 'Confirmée')
        await quiet()
      },
    }
  }

  /** Asks again for every wish, as a customer would who heard nothing; true once each has its order or its refusal. */
  const askAgain = async (url: string): Promise<boolean> => {
    const answers = await Promise.all(
      [...new Map(wishes.map((wish) => [wish.key, wish])).values()].map(async ({ key, product, quantity }) => {
        const items = [{ productId: product, quantity }]
        const answer = await say(url, camille, 'POST', '/orders', { items }, { 'idempotency-key': key })
        if (answer?.status !== 201) return product === rare && answer?.body.code === 'INSUFFICIENT_STOCK'
        const earlier = told.get(key)
        if (earlier !== undefined && earlier !== answer.body.id) wrong.push(`${key} became two orders`)
        told.set(key, answer.body.id)
        return true
      }),
    )
    return answers.every(Boolean)
  }

  /** Everything that is not as it should be, once all is quiet. `sequences` are an order's on Kafka, without repeats. */
  const amiss = async (
    before: Awaited<ReturnType<typeof leave>>,
    sequences: (orderId: string) => number[],
  ): Promise<string[]> => {
    const found: string[] = [...wrong]
    const mine = await stores.collection.find({ userId: camille.id }).toArray()
    const by = new Map(mine.map((order) => [order._id, order]))

    for (const { key, product: of } of wishes) {
      const under = mine.filter(({ idem }) => idem?.key === key)
      if (under.length > 1) found.push(`${key} has ${under.length} orders`)
      if (under.length === 0 && of !== rare) found.push(`${key} has no order`)
    }
    const known = new Set([...told.values(), before.cancelled, before.old])
    for (const id of known) if (!by.has(id)) found.push(`order ${id} is lost`)
    for (const { _id, status } of mine) if (!known.has(_id)) found.push(`order ${_id} is ${status}, and nobody's wish`)
    if (by.has(before.intent)) found.push('what was left behind became an order')
    for (const { orderId, status } of changed)
      if (!by.get(orderId)?.statusHistory.some((entry) => entry.status === status)) found.push(`${status} is lost`)

    for (const { _id, status, statusHistory, seq } of mine) {
      const history = statusHistory.map((entry) => entry.status)
      if (history.at(-1) !== status || history.length !== seq || new Set(history).size !== seq)
        found.push(`order ${_id} is ${status}, its sequence ${seq}, its history ${history.join(' ')}`)
      const all = Array.from({ length: seq }, (_, i) => i + 1)
      if (sequences(_id).join() !== all.join()) found.push(`order ${_id} told ${sequences(_id).join()} of ${seq}`)
    }

    for (const [id, opening] of [
      [product, OPENING],
      [rare, 1],
    ] as const) {
      const sold = mine
        .filter(({ status }) => status !== 'Annulée')
        .flatMap(({ items }) => items)
        .reduce((sum, { productId, quantity }) => sum + (productId === id ? quantity : 0), 0)
      const { stock: there } = (await say(products, camille, 'GET', `/products/${id}`))!.body
      if (there !== opening - sold) found.push(`there are ${there} of ${opening}, though ${sold} are sold`)
    }
    return found
  }

  return { stores, camille, wrong, leave, dealings, askAgain, amiss }
}

export type Day = Awaited<ReturnType<typeof newDay>>
export const days = ['everyday', 'stuck', 'late', 'overtaken'] as const
export type Kind = (typeof days)[number]

const gone = new Error('the process is gone')

/** Lives a day of a kind with a process that is starting, and ends it; says how it ended. */
export async function live(day: Day, kind: Kind, start: () => Process) {
  const left = await day.leave()
  const { child, listening, ended, kill } = start()
  const url = await listening
  if (url !== undefined) {
    const dead = ended.then(() => Promise.reject(gone))
    dead.catch(() => {})
    try {
      await Promise.race([day.dealings(url)[kind](left.expired), dead])
    } catch (error) {
      if (error !== gone) {
        await kill()
        throw error
      }
    }
    child.kill('SIGTERM')
  }
  return { left, ...(await ended) }
}
