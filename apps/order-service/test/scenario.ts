import { randomUUID } from 'node:crypto'
import { newId } from '@halles/mongo/ids'
import { createAdmin, createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { sendRequest, type Process } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import type { Db } from 'mongodb'
import { createOrder, type Order } from '../src/order.ts'
import type { StockClient } from '../src/place-order/stock-client.ts'
import type { Stores } from './stores.ts'

/** The stock of the common product when a scenario begins. */
const INITIAL_STOCK = 30

/** What order-service depends on; it keeps running while order-service is killed. */
export type Environment = {
  /** The stores on the service's database, to inspect it and to write what earlier crashes have left. */
  stores: Stores
  stock: StockClient
  /** URL of product-service's REST API, and its database. */
  productUrl: string
  productDb: Db
}

type PlaceRequest = { key: string; product: string; quantity: number }

export type Scenario = Awaited<ReturnType<typeof createScenario>>
export const scenarioKinds = [
  'normal',
  'reservationTimeout',
  'cancelledWhileReserving',
  'changedWhilePublishing',
] as const
export type ScenarioKind = (typeof scenarioKinds)[number]

/**
 * Creates the requests of one customer and one admin to a service that may be killed at any time, and records the
 * answers. A placement that was answered with an order must have that order; every other one must have one order or
 * none, and its idempotency key gives it.
 */
export async function createScenario({ stores, stock, productUrl, productDb }: Environment) {
  const customer = createPrincipal()
  const admin = createAdmin()
  const placements: PlaceRequest[] = []
  /** The order that was answered 201, by key. */
  const answeredOrders = new Map<string, string>()
  /** The status changes that were answered 200. */
  const answeredChanges: { orderId: string; status: string }[] = []
  /** Answers that no crash explains. */
  const unexpected: string[] = []

  const createProduct = async (stock: number): Promise<string> => {
    const answer = await sendRequest(productUrl, admin, 'POST', '/products', {
      name: 'Comté 18 mois',
      price: 12.9,
      category: 'Fromagerie',
      stock,
    })
    return answer!.body.id
  }
  const [product, rareProduct] = await Promise.all([createProduct(INITIAL_STOCK), createProduct(1)])

  /** Writes a pending order with its reservation, as a process that crashed 20 s ago left it. */
  const createLeftover = async (key?: string): Promise<Order> => {
    const { id, name, email, locale } = customer
    const at = new Date(Date.now() - 20_000)
    const items = [{ productId: product, name: 'Comté 18 mois', quantity: 1, price: 12.9 }]
    const number = await stores.takeNumber()
    const order = createOrder({ _id: newId(), number, customer: { id, name, email, locale }, items, at })
    const idempotency = key === undefined ? undefined : { key, expiresAt: at, fingerprint: 'of an earlier basket' }
    await stores.pendingOrders.create(order, idempotency)
    await stores.collection.updateOne({ _id: order._id }, { $set: { nextAttemptAt: new Date(Date.now() - 5000) } })
    await stock.reserve({ orderId: order._id, items })
    return order
  }

  /**
   * Writes what earlier crashes have left: a pending order, a cancelled order with unpublished events, an expired key.
   */
  const createLeftovers = async () => {
    const expiredKey = randomUUID()
    const [pending, cancelled, old] = await Promise.all([
      createLeftover(),
      createLeftover(),
      createLeftover(expiredKey),
    ])
    await Promise.all([stores.pendingOrders.confirm(cancelled._id), stores.pendingOrders.confirm(old._id)])
    await stores.orders.changeStatus(cancelled, 'Annulée', { at: cancelled.createdAt, by: 'admin' })
    return { pending: pending._id, cancelled: cancelled._id, old: old._id, expiredKey }
  }

  /** Locks the product in a transaction of product-service's database: reservations of it wait for the unlock. */
  const lockProduct = async () => {
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

  /**
   * The steps of each kind of scenario with one running process. They throw `processGone` when the process is killed.
   */
  const stepsWith = (url: string): Record<ScenarioKind, (expiredKey: string) => Promise<void>> => {
    const received = <T>(answer: T | undefined): T => {
      if (answer === undefined) throw processGone
      return answer
    }
    /**
     * Places an order; 503 (outcome unknown) and 504 (timeout) are always expected. Returns the id of the key's order.
     */
    const place = async (placement: PlaceRequest, ...expected: number[]): Promise<string | undefined> => {
      placements.push(placement)
      const items = [{ productId: placement.product, quantity: placement.quantity }]
      const headers = { 'idempotency-key': placement.key }
      const answer = received(await sendRequest(url, customer, 'POST', '/orders', { items }, headers))
      if (answer.status === 201) {
        const earlier = answeredOrders.get(placement.key)
        if (earlier !== undefined && earlier !== answer.body.id) unexpected.push(`${placement.key} became two orders`)
        answeredOrders.set(placement.key, answer.body.id)
      }
      if (![201, 503, 504, ...expected].includes(answer.status))
        unexpected.push(`placing an order answered ${answer.status} ${answer.body.code}`)
      return answeredOrders.get(placement.key)
    }
    const changeStatus = async (actor: TestPrincipal, orderId: string | undefined, status: string): Promise<void> => {
      if (orderId === undefined) return
      const answer = received(await sendRequest(url, actor, 'PUT', `/orders/${orderId}/status`, { status }))
      if (answer.status === 200) answeredChanges.push({ orderId, status })
      else if (![503, 504].includes(answer.status))
        unexpected.push(`${status} answered ${answer.status} ${answer.body.code}`)
    }
    /** Waits until this scenario's orders have no pending publication or release. */
    const settled = async (): Promise<void> => {
      const unfinished = {
        userId: customer.id,
        $or: [{ releaseAttemptAt: { $exists: true } }, { nextAttemptAt: { $exists: true } }],
      }
      await eventually('no pending publication or release is left', async () => {
        received(await sendRequest(url, customer, 'GET', `/orders/${customer.id}`))
        return (await stores.collection.countDocuments(unfinished)) === 0
      })
    }
    const newPlacement = (of = product, quantity = 1): PlaceRequest => ({ key: randomUUID(), product: of, quantity })

    return {
      /** Orders are placed, confirmed, cancelled, replayed and rejected, some of them concurrently. */
      normal: async (expiredKey) => {
        received(await sendRequest(url, admin, 'GET', '/readyz'))
        const first = newPlacement(product, 2)
        await changeStatus(admin, await place(first), 'Confirmée')
        await place(first)
        await Promise.all([
          ...Array.from({ length: 8 }, async () => changeStatus(admin, await place(newPlacement()), 'Confirmée')),
          place({ ...newPlacement(), key: expiredKey }),
          ...Array.from({ length: 3 }, () => place(newPlacement(rareProduct), 409)),
        ])
        await changeStatus(customer, await place(newPlacement()), 'Annulée')
        await settled()
      },

      /** The product is locked for longer than a request waits. */
      reservationTimeout: async () => {
        await settled()
        const unlock = await lockProduct()
        try {
          await place(newPlacement())
        } finally {
          await unlock()
        }
      },

      /** The product is locked, and recovery cancels the pending order before the product is unlocked. */
      cancelledWhileReserving: async () => {
        await settled()
        const unlock = await lockProduct()
        const placing = place(newPlacement())
        placing.catch(() => {})
        try {
          const own = { userId: customer.id, status: 'Pending', nextAttemptAt: { $gt: new Date() } } as const
          const { _id } = await eventually('the order is pending', () => stores.collection.findOne(own))
          await stores.collection.updateOne({ _id, status: 'Pending' }, { $set: { nextAttemptAt: new Date() } })
          await eventually('it is being cancelled', () => stores.collection.findOne({ _id, status: 'Cancelling' }))
        } finally {
          await unlock()
        }
        await placing
      },

      /**
       * An order changes after its first event was sent and before that is recorded: the process is slowed down there.
       */
      changedWhilePublishing: async () => {
        await settled()
        await changeStatus(admin, await place(newPlacement()), 'Confirmée')
        await settled()
      },
    }
  }

  /** Repeats every placement, as a customer without an answer would; true once each has its order or its error. */
  const repeatPlacements = async (url: string): Promise<boolean> => {
    const answers = await Promise.all(
      [...new Map(placements.map((placement) => [placement.key, placement])).values()].map(
        async ({ key, product, quantity }) => {
          const items = [{ productId: product, quantity }]
          const answer = await sendRequest(url, customer, 'POST', '/orders', { items }, { 'idempotency-key': key })
          if (answer?.status !== 201) return product === rareProduct && answer?.body.code === 'INSUFFICIENT_STOCK'
          const earlier = answeredOrders.get(key)
          if (earlier !== undefined && earlier !== answer.body.id) unexpected.push(`${key} became two orders`)
          answeredOrders.set(key, answer.body.id)
          return true
        },
      ),
    )
    return answers.every(Boolean)
  }

  /**
   * Lists every violated invariant, once nothing is pending. `sequences` gives an order's event sequences on Kafka,
   * without repeats.
   */
  const findViolations = async (
    leftovers: Awaited<ReturnType<typeof createLeftovers>>,
    sequences: (orderId: string) => number[],
  ): Promise<string[]> => {
    const found: string[] = [...unexpected]
    const orders = await stores.collection.find({ userId: customer.id }).toArray()
    const byId = new Map(orders.map((order) => [order._id, order]))

    for (const { key, product: of } of placements) {
      const underKey = orders.filter(({ idempotency }) => idempotency?.key === key)
      if (underKey.length > 1) found.push(`${key} has ${underKey.length} orders`)
      if (underKey.length === 0 && of !== rareProduct) found.push(`${key} has no order`)
    }
    const known = new Set([...answeredOrders.values(), leftovers.cancelled, leftovers.old])
    for (const id of known) if (!byId.has(id)) found.push(`order ${id} is lost`)
    for (const { _id, status } of orders)
      if (!known.has(_id)) found.push(`order ${_id} is ${status}, and no request placed it`)
    if (byId.has(leftovers.pending)) found.push('the pending order of an earlier crash became an order')
    for (const { orderId, status } of answeredChanges)
      if (!byId.get(orderId)?.statusHistory.some((entry) => entry.status === status)) found.push(`${status} is lost`)

    for (const { _id, status, statusHistory, seq } of orders) {
      const history = statusHistory.map((entry) => entry.status)
      if (history.at(-1) !== status || history.length !== seq || new Set(history).size !== seq)
        found.push(`order ${_id} is ${status}, its sequence ${seq}, its history ${history.join(' ')}`)
      const all = Array.from({ length: seq }, (_, i) => i + 1)
      if (sequences(_id).join() !== all.join())
        found.push(`order ${_id} has published ${sequences(_id).join()} of ${seq} events`)
    }

    for (const [id, initial] of [
      [product, INITIAL_STOCK],
      [rareProduct, 1],
    ] as const) {
      const sold = orders
        .filter(({ status }) => status !== 'Annulée')
        .flatMap(({ items }) => items)
        .reduce((sum, { productId, quantity }) => sum + (productId === id ? quantity : 0), 0)
      const { stock } = (await sendRequest(productUrl, customer, 'GET', `/products/${id}`))!.body
      if (stock !== initial - sold) found.push(`the stock is ${stock} of ${initial}, though ${sold} are sold`)
    }
    return found
  }

  return { stores, unexpected, createLeftovers, stepsWith, repeatPlacements, findViolations }
}

const processGone = new Error('the process is gone')

/** Runs a scenario with a process that is starting, then stops the process; returns the leftovers and how it ended. */
export async function runScenario(scenario: Scenario, kind: ScenarioKind, start: () => Process) {
  const leftovers = await scenario.createLeftovers()
  const { child, listening, ended, kill } = start()
  const url = await listening
  if (url !== undefined) {
    const killed = ended.then(() => Promise.reject(processGone))
    killed.catch(() => {})
    try {
      await Promise.race([scenario.stepsWith(url)[kind](leftovers.expiredKey), killed])
    } catch (error) {
      if (error !== processGone) {
        await kill()
        throw error
      }
    }
    child.kill('SIGTERM')
  }
  return { leftovers, ...(await ended) }
}
