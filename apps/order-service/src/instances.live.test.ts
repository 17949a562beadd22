import { randomUUID } from 'node:crypto'
import { ownDatabase } from '@halles/testkit/database'
import { someAdmin, someone } from '@halles/testkit/people'
import { say, serveKeys, startProcess, type Process } from '@halles/testkit/process'
import { eventually } from '@halles/testkit/wait'
import { MongoClient, type Collection } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { listenTo } from '../test/listener.ts'
import { startShelf, type Shelf } from '../test/shelf.ts'
import type { Stored } from './orders.ts'

// Two instances of order-service, as an operator runs them: processes of their own on one database and one Kafka.

const cleanups: (() => unknown)[] = []
const admin = someAdmin()
let shelf: Shelf
let stored: Collection<Stored>
let listener: Awaited<ReturnType<typeof listenTo>>
let instances: Process[]
let urls: string[]
beforeAll(async () => {
  shelf = await startShelf()
  const keys = await serveKeys()
  const database = ownDatabase(inject('mongodb'), 'order')
  const client = new MongoClient(database)
  stored = client.db().collection('orders')
  listener = await listenTo(inject('kafka'))
  instances = Array.from({ length: 2 }, () =>
    startProcess(new URL('main.ts', import.meta.url), {
      MONGODB_URL: database,
      KAFKA_BROKERS: inject('kafka'),
      PRODUCT_GRPC_URL: shelf.address,
      JWKS_URL: keys.url,
    }),
  )
  cleanups.push(shelf.stop, keys.close, () => client.close(), listener.close, ...instances.map(({ kill }) => kill))
  urls = (await Promise.all(instances.map(({ listening }) => listening))) as string[]
})
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

const place = (url: string, person: ReturnType<typeof someone>, product: string, key: string = randomUUID()) =>
  say(url, person, 'POST', '/orders', { items: [{ productId: product, quantity: 1 }] }, { 'idempotency-key': key })
const move = (url: string, id: string, status: string, person = admin) =>
  say(url, person, 'PUT', `/orders/${id}/status`, { status })
const pauseOf = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('two instances', () => {
  it('place one order for a key that comes to both at once', async () => {
    const product = shelf.put({ stock: 1000 })
    for (let round = 0; round < 5; round++) {
      const camille = someone()
      const key = randomUUID()
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) => place(urls[i % 2]!, camille, product.id, key)),
      )
      const placed = answers.filter((answer) => answer?.status === 201)
      expect(answers.filter((answer) => answer?.status !== 201).map((answer) => answer?.body.code)).toEqual(
        Array.from({ length: 10 - placed.length }, () => 'IN_PROGRESS'),
      )
      expect(placed.filter((answer) => answer!.headers.get('idempotent-replayed') === null)).toHaveLength(1)
      expect(new Set(placed.map((answer) => answer!.body.id)).size).toBe(1)
      expect(await stored.countDocuments({ userId: camille.id })).toBe(1)
    }
    await eventually('one is sold a round', () => product.stock === 995)
  })

  it('asked by two admins for 50 changes of each order at once, keep one history, without gap or double', async () => {
    const product = shelf.put({ stock: 1000 })
    const orders = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => (await place(urls[i % 2]!, someone(), product.id))!.body.id as string),
    )
    const admins = [someAdmin(), someAdmin()]
    const wanted = ['Confirmée', 'Préparée', 'Livrée', 'Annulée', 'Confirmée']
    const changes = (id: string) =>
      Array.from({ length: 50 }, async (_, i) => {
        const status = wanted[i % wanted.length]!
        return { id, status, answer: (await move(urls[i % 2]!, id, status, admins[i % 2]))! }
      })
    const answered: Awaited<ReturnType<typeof changes>[number]>[] = []
    // Two orders at a time: more at once than a busy machine does in time would be told to come again.
    for (let i = 0; i < orders.length; i += 2)
      answered.push(...(await Promise.all(orders.slice(i, i + 2).flatMap(changes))))
    for (const { status, answer } of answered) {
      if (answer.status !== 200) expect(answer.body.code).toBe('INVALID_TRANSITION')
      else expect(answer.body.statusHistory.map((entry: { status: string }) => entry.status)).toContain(status)
    }
    for (const id of orders) {
      const { status, statusHistory, seq } = (await stored.findOne({ _id: id }))!
      const history = statusHistory.map((entry) => entry.status)
      expect(['Livrée', 'Annulée']).toContain(status)
      expect(history.at(-1)).toBe(status)
      expect(new Set(history).size).toBe(history.length)
      expect(seq).toBe(history.length)
      // Whoever was answered 200 finds their change in it, in the order in which each was answered.
      for (const { answer } of answered.filter((each) => each.id === id && each.answer.status === 200)) {
        const seen = answer.body.statusHistory.map((entry: { status: string }) => entry.status)
        expect(history.slice(0, seen.length)).toEqual(seen)
      }
      await eventually('its events', () => listener.sequences(id).length === seq)
      expect(listener.sequences(id)).toEqual(Array.from({ length: seq }, (_, i) => i + 1))
      expect(listener.once(id).map(({ data }) => data.order.status)).toEqual(history)
    }
    const cancelled = await stored.countDocuments({ _id: { $in: orders }, status: 'Annulée' })
    await eventually('what is cancelled is back', () => product.stock === 1000 - orders.length + cancelled)
  })

  it('one of them paused again and again, and once for long, tell every order in order', async () => {
    const [sleepy, awake] = urls as [string, string]
    const product = shelf.put({ stock: 10_000 })
    const orders = new Set<string>()
    const asked: Promise<unknown>[] = []
    let going = true
    /** Orders placed and moved at either instance, by a crowd that does not know which one sleeps. */
    const crowd = Array.from({ length: 12 }, async (_, n) => {
      for (let i = n; going; i++) {
        const id: string | undefined = (await place(i % 3 === 0 ? sleepy : awake, someone(), product.id))?.body.id
        if (id === undefined) continue
        orders.add(id)
        for (const status of ['Confirmée', 'Préparée', 'Livrée']) {
          // What sleeps is asked too, but not waited for.
          if ((i + status.length) % 4 === 0) asked.push(move(sleepy, id, status))
          await move(awake, id, status)
        }
      }
    })
    const pause = async (ms: number): Promise<void> => {
      const before = orders.size
      instances[0]!.child.kill('SIGSTOP')
      await pauseOf(ms) // it sleeps
      instances[0]!.child.kill('SIGCONT')
      await eventually('more orders', () => orders.size > before + 10)
    }
    for (let i = 0; i < 8; i++) await pause(200 + Math.random() * 500)
    await pause(17_000) // longer than a sweep waits: the other one tells what it was about to tell
    going = false
    await Promise.all(crowd)
    await Promise.all(asked) // what the sleeper does late is done

    expect(orders.size).toBeGreaterThan(50)
    await eventually('all is told', async () => (await stored.countDocuments({ unsent: { $exists: true } })) === 0)
    for (const id of orders) {
      const { seq } = (await stored.findOne({ _id: id }))!
      const all = Array.from({ length: seq }, (_, i) => i + 1)
      await eventually('its events are heard', () => listener.sequences(id).length === seq)
      expect(listener.sequences(id)).toEqual(all)
    }
  }, 300_000)
})
