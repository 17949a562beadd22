import { randomUUID } from 'node:crypto'
import { logger } from '@halles/service/log'
import { someone } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { startShelf, type Shelf } from '../test/shelf.ts'
import { openStores, type Stores } from '../test/stores.ts'
import { SWEEP_AFTER } from './orders.ts'
import { placeOrder, type PlacingHelpers } from './place-order.ts'
import { recoveryOf, type RecoveryHelpers } from './recover.ts'
import { stockAt, type Stock } from './stock.ts'

let shelf: Shelf
let stock: Stock
let stores: Stores
beforeAll(async () => {
  shelf = await startShelf()
  stock = stockAt(shelf.address)
  stores = await openStores(inject('mongodb'))
})
afterAll(async () => {
  stock.close()
  shelf.stop()
  await stores.close()
})

const log = logger('test', 'silent')
const never = new Promise<never>(() => {})

/** Placing by the real stores and the shelf; steps that a test replaces, and no recovery of its own. */
const helpers = (steps: Partial<PlacingHelpers> = {}): PlacingHelpers => ({
  stock,
  takeNumber: stores.takeNumber,
  intents: stores.intents,
  giveUp: () => never,
  tell: () => {},
  now: stores.now,
  ...steps,
})

/** A recovery that runs as if so many milliseconds had passed. */
async function recover({ ahead = SWEEP_AFTER + 1000, ...more }: { ahead?: number } & Partial<RecoveryHelpers> = {}) {
  stores.clock.ahead = ahead
  const recovery = recoveryOf({ ...stores, stock, log, pause: 30, ...more })
  onTestFinished(async () => {
    stores.clock.ahead = 0
    await recovery.stop()
  })
  return recovery
}

/** The awaited steps of placing, in order, and what is true once each is done. */
const steps = ['check', 'takeNumber', 'add', 'hold', 'confirm'] as const
type Step = (typeof steps)[number]

/** Placing that dies before or after a step: nothing of it goes on. */
function dyingAt(step: Step, when: 'before' | 'after') {
  const { promise, resolve } = Promise.withResolvers<void>()
  const dying =
    <A extends unknown[], R>(name: Step, work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (name !== step) return work(...args)
      if (when === 'after') await work(...args)
      resolve()
      return never
    }
  const { intents, takeNumber } = stores
  const mortal = helpers({
    stock: { check: dying('check', stock.check), hold: dying('hold', stock.hold) },
    takeNumber: dying('takeNumber', takeNumber),
    intents: { ...intents, add: dying('add', intents.add), confirm: dying('confirm', intents.confirm) },
  })
  return { mortal, died: promise }
}

describe('a process that dies while it places an order', () => {
  const moments = steps.flatMap((step) => [['before', step] as const, ['after', step] as const])

  it.each(moments)('%s its step %s leaves an order or nothing, and its key tells which', async (when, step) => {
    const camille = someone()
    const product = shelf.put({ stock: 5 })
    const wish = { items: [{ productId: product.id, quantity: 2 }] }
    const key = randomUUID()
    const { mortal, died } = dyingAt(step, when)
    void placeOrder(mortal, camille, wish, key)
    await died

    await recover()
    const mine = { userId: camille.id }
    await eventually(
      'nothing is in between',
      async () => (await stores.collection.countDocuments({ ...mine, status: { $in: ['Intent', 'Undoing'] } })) === 0,
    )
    const placed = when === 'after' && step === 'confirm'
    expect(await stores.collection.countDocuments(mine)).toBe(placed ? 1 : 0)
    expect(product.stock).toBe(placed ? 3 : 5)

    const { order, replayed } = await placeOrder(helpers(), camille, wish, key)
    expect(replayed).toBe(placed)
    expect(order.status).toBe('Reçue')
    expect(product.stock).toBe(3)
    expect(await stores.collection.countDocuments(mine)).toBe(1)
  })

  it('is given its time: an intent that is young is left alone', async () => {
    const camille = someone()
    const product = shelf.put({ stock: 5 })
    const { mortal, died } = dyingAt('hold', 'after')
    void placeOrder(mortal, camille, { items: [{ productId: product.id, quantity: 1 }] })
    await died
    let rounds = 0
    const { intents } = stores
    const counted = { ...intents, abandonOld: async () => (rounds++, intents.abandonOld()) }
    await recover({ ahead: SWEEP_AFTER - 10_000, intents: counted })
    await eventually('three rounds', () => rounds >= 3)
    expect(await stores.collection.findOne({ userId: camille.id })).toMatchObject({ status: 'Intent' })
  })
})

describe('a process that wakes late', () => {
  it.each(['before', 'after'] as const)('confirms nothing: asleep %s holding', async (when) => {
    const camille = someone()
    const product = shelf.put({ stock: 5 })
    const [asleep, awake] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const sleepy = helpers({
      stock: {
        check: stock.check,
        hold: async (order) => {
          const held = when === 'after' ? await stock.hold(order) : undefined
          asleep.resolve()
          await awake.promise
          return held ?? stock.hold(order)
        },
      },
    })
    const placing = placeOrder(sleepy, camille, { items: [{ productId: product.id, quantity: 2 }] })
    const refusal = placing.then(
      () => undefined,
      (error: unknown) => error,
    )
    await asleep.promise
    await recover()
    await eventually('it is undone', async () => !(await stores.collection.findOne({ userId: camille.id })))
    awake.resolve()
    expect(await refusal).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await stores.collection.findOne({ userId: camille.id })).toBeNull()
    expect(product.stock).toBe(5)
  })

  it('while it is being undone confirms nothing either', async () => {
    const camille = someone()
    const product = shelf.put({ stock: 5 })
    const { mortal, died } = dyingAt('confirm', 'before')
    void placeOrder(mortal, camille, { items: [{ productId: product.id, quantity: 2 }] })
    await died
    const { _id } = (await stores.collection.findOne({ userId: camille.id }))!
    const { promise, resolve } = Promise.withResolvers<void>()
    await recover({ stock: { release: () => promise } })
    onTestFinished(() => resolve())
    await eventually('it is marked', () => stores.collection.findOne({ _id, status: 'Undoing' }))
    expect(await stores.intents.confirm(_id)).toBe(false)
  })
})

describe('stock that is owed back', () => {
  /** An order that was placed and cancelled, its stock still owed. */
  async function cancelled() {
    const camille = someone()
    const product = shelf.put({ stock: 5 })
    const { order } = await placeOrder(helpers(), camille, { items: [{ productId: product.id, quantity: 2 }] })
    await stores.orders.move(order, 'Annulée', { at: stores.now() })
    const paid = () => stores.collection.findOne({ _id: order._id, releaseAt: { $exists: false } })
    return { product, order, paid }
  }

  it('is given back once, by however many recoveries', async () => {
    const { product, order, paid } = await cancelled()
    await Promise.all(Array.from({ length: 4 }, () => recover({ ahead: 1000 })))
    await eventually('it is given back', paid)
    expect(product.stock).toBe(5)
    expect(await stores.orders.find({ _id: order._id })).toMatchObject({ status: 'Annulée' })
  })

  it('is given back by the dozen when there is much of it', async () => {
    const orders = await Promise.all(Array.from({ length: 150 }, cancelled))
    const release: Stock['release'] = async (id) => {
      most = Math.max(most, ++under)
      try {
        await stock.release(id)
      } finally {
        under--
      }
    }
    let under = 0
    let most = 0
    await recover({ ahead: 1000, stock: { release } })
    for (const { paid } of orders) await eventually('it is given back', paid)
    for (const { product } of orders) expect(product.stock).toBe(5)
    expect(most).toBe(64)
  })

  it('of which one cannot be given back does not keep the others', async () => {
    const [stuck, other] = [await cancelled(), await cancelled()]
    const release: Stock['release'] = async (id) => {
      if (id === stuck.order._id) throw new Error('a bug')
      await stock.release(id)
    }
    await recover({ ahead: 1000, stock: { release } })
    await eventually('the other is given back', other.paid)
    expect(await stuck.paid()).toBeNull()
    await stores.collection.deleteOne({ _id: stuck.order._id })
  })

  it('is given back though product-service was away', async () => {
    const { product, paid } = await cancelled()
    let tries = 0
    shelf.trouble.before = (call) => {
      if (call === 'releaseStock' && ++tries <= 2) throw new Error('away')
    }
    const { clock } = stores
    await recover({ ahead: 1000 })
    await eventually('it is given back', () => {
      clock.ahead += 5000 // the lease of the try before runs out
      return paid()
    })
    delete shelf.trouble.before
    expect(tries).toBeGreaterThan(2)
    expect(product.stock).toBe(5)
  })

  it('is given back once though noting so failed', async () => {
    const { product, paid } = await cancelled()
    const { debts, clock } = stores
    let notes = 0
    const forgetful = {
      ...debts,
      givenBack: async (ids: string[]) => {
        if (++notes === 1) throw new Error('not noted')
        await debts.givenBack(ids)
      },
    }
    await recover({ ahead: 1000, debts: forgetful })
    await eventually('it is noted', () => {
      clock.ahead += 5000
      return paid()
    })
    expect(product.stock).toBe(5)
  })
})
