import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { ORDER_EVENTS } from '@halles/contracts/order-events'
import { startShop, type Shop } from '@halles/servers/shop'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { eventually } from '@halles/testkit/wait'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differencesIn } from './differences.ts'
import { readBooks } from './read-books.ts'

// A real shop of its own, as what others do on shared servers would be in its books.

const root = path.resolve(import.meta.dirname, '../../..')

let shop: Shop
let mongo: MongoClient
let admin: string

beforeAll(async () => {
  shop = await startShop()
  mongo = new MongoClient(shop.running.mongodb)
  admin = (await ask('POST', '/login', shop.running.accounts.admin)).accessToken
})
afterAll(async () => {
  await mongo?.close()
  await shop?.stop()
})

/** What the shop answers at its front door. */
async function ask(method: string, route: string, body?: object, token?: string): Promise<any> {
  const answer = await fetch(`${shop.running.gateway}/api${route}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${text}`)
  return JSON.parse(text)
}

/** A product with its own name, some of it sold in three orders: one stays, one is cancelled, one is delivered. */
async function sell(): Promise<string> {
  const name = `Brie ${randomUUID().slice(0, 8)}`
  const product = await ask('POST', '/products', { name, price: 4.35, category: 'Fromagerie', stock: 30 }, admin)
  await ask('POST', `/products/${product.id}/stock`, { delta: -3, reason: 'casse' }, admin)
  const person = { name: 'Camille Martin', email: `${randomUUID()}@example.test`, password: randomUUID() }
  const { accessToken } = await ask('POST', '/register', person)
  const place = (quantity: number) =>
    ask('POST', '/orders', { items: [{ productId: product.id, quantity }] }, accessToken)
  const [, cancelled, delivered] = [await place(2), await place(5), await place(1)]
  await ask('PUT', `/orders/${cancelled.id}/status`, { status: 'Annulée' }, accessToken)
  for (const status of ['Confirmée', 'Préparée', 'Livrée'])
    await ask('PUT', `/orders/${delivered.id}/status`, { status }, admin)
  return name
}

/** Runs the command, and gives back how it ended and what it said. */
const reconcile = (...options: string[]): Promise<{ code: number; said: string }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      ['tools/run.mjs', 'tools/reconcile.ts', ...options],
      { cwd: root },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, said: `${stdout}${stderr}` }),
    )
  })
const here = () => ['--mongodb', shop.running.mongodb, '--kafka', shop.running.kafka]

describe('npm run reconcile', { timeout: 600_000 }, () => {
  it('finds no difference in a shop that sells', async () => {
    let selling = true
    const sales = (async () => {
      while (selling) await sell()
    })()
    try {
      for (let i = 0; i < 2; i++) {
        const { code, said } = await reconcile(...here())
        expect(said).toMatch(/reconcile: no differences in \d+ orders of \d+ products\n$/)
        expect(code).toBe(0)
      }
    } finally {
      selling = false
      await sales
    }
  })

  it('finds none in a shop that is quiet, with poison parked, and ends with 1 when stock was tampered with', async () => {
    const name = await sell()
    const parked = (await readBooks(shop.running)).listed.length
    const publisher = kafkaAt(shop.running.kafka, 'audit-test', logger('test', 'silent')).publisher()
    await publisher.send(ORDER_EVENTS, [{ key: null, value: 'no event' }])
    await publisher.close()
    await eventually('it is parked', async () => (await readBooks(shop.running)).listed.length > parked)
    await eventually(
      'all is done, told and sent',
      async () => differencesIn(await readBooks(shop.running), { asOf: 'quiet' }).length === 0,
    )
    const quiet = await reconcile(...here())
    expect(quiet.said).toContain(`  messages on order-events.dlq, parked: ${parked + 1}\n`)
    expect(quiet.code).toBe(0)

    const products = mongo.db('halles_product').collection('products')
    await products.updateOne({ name }, { $inc: { stock: 1 } })
    const { code, said } = await reconcile(...here())
    expect(said).toMatch(
      new RegExp(`stock-balance +product ${name} .* +openings and adjustments 27 +stock 25 \\+ held 3 = 28\n`),
    )
    expect(said).toMatch(/reconcile: 1 difference in/)
    expect(code).toBe(1)
    await products.updateOne({ name }, { $inc: { stock: -1 } })
  })

  it('ends with 2 and a sentence when it cannot read, or is asked for what it does not know', async () => {
    expect(await reconcile('--mongodb', 'mongodb://127.0.0.1:1', '--kafka', shop.running.kafka)).toEqual({
      code: 2,
      said: expect.stringMatching(/^MongoDB at mongodb:\/\/127\.0\.0\.1:1 cannot be read: .*ECONNREFUSED.*\.\n$/),
    })
    expect(await reconcile('--all')).toMatchObject({ code: 2, said: expect.stringContaining('There is no "all"') })
  })
})
