import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { ORDER_EVENTS } from '@halles/contracts/order-events'
import { startShop, type Shop } from '@halles/dev-shop'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { eventually } from '@halles/test-fixtures/wait'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findDifferences } from './differences.ts'
import { readSnapshot } from './read-snapshot.ts'

// A real shop with servers of its own, as the data of other tests on shared servers would be in its snapshot.

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

/** Sends a request to the gateway. */
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

/** Creates a product and places three orders of it: one stays, one is cancelled, one is delivered. @returns its name */
async function sell(): Promise<string> {
  const name = `Brie ${randomUUID().slice(0, 8)}`
  const product = await ask('POST', '/products', { name, price: 4.35, category: 'Fromagerie', stock: 30 }, admin)
  await ask('POST', `/products/${product.id}/stock`, { delta: -3, reason: 'casse' }, admin)
  const account = { name: 'Camille Martin', email: `${randomUUID()}@example.test`, password: randomUUID() }
  const { accessToken } = await ask('POST', '/register', account)
  const place = (quantity: number) =>
    ask('POST', '/orders', { items: [{ productId: product.id, quantity }] }, accessToken)
  const [, cancelled, delivered] = [await place(2), await place(5), await place(1)]
  await ask('PUT', `/orders/${cancelled.id}/status`, { status: 'Annulée' }, accessToken)
  for (const status of ['Confirmée', 'Préparée', 'Livrée'])
    await ask('PUT', `/orders/${delivered.id}/status`, { status }, admin)
  return name
}

/** Runs the command. @returns its exit code and output */
const reconcile = (...options: string[]): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      ['tools/run.mjs', 'tools/reconcile.ts', ...options],
      { cwd: root },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, output: `${stdout}${stderr}` }),
    )
  })
const addressOptions = () => ['--mongodb', shop.running.mongodb, '--kafka', shop.running.kafka]

describe('npm run reconcile', { timeout: 600_000 }, () => {
  it('finds no difference in a shop that sells', async () => {
    let selling = true
    const sales = (async () => {
      while (selling) await sell()
    })()
    try {
      for (let i = 0; i < 2; i++) {
        const { code, output } = await reconcile(...addressOptions())
        expect(output).toMatch(/reconcile: no differences in \d+ orders of \d+ products\n$/)
        expect(code).toBe(0)
      }
    } finally {
      selling = false
      await sales
    }
  })

  it('finds none in a quiet shop with a dead letter, and exits with 1 after the stock was tampered with', async () => {
    const name = await sell()
    const deadLettered = (await readSnapshot(shop.running)).listedDeadLetters.length
    const publisher = createKafka(shop.running.kafka, 'reconciliation-test', createLogger('test', 'silent')).publisher()
    await publisher.send(ORDER_EVENTS, [{ key: null, value: 'no event' }])
    await publisher.close()
    await eventually(
      'the message is dead-lettered',
      async () => (await readSnapshot(shop.running)).listedDeadLetters.length > deadLettered,
    )
    await eventually(
      'nothing is in progress',
      async () => findDifferences(await readSnapshot(shop.running), { asOf: 'quiet' }).length === 0,
    )
    const quiet = await reconcile(...addressOptions())
    expect(quiet.output).toContain(`  dead letters on order-events.dlq: ${deadLettered + 1}\n`)
    expect(quiet.code).toBe(0)

    const products = mongo.db('halles_product').collection('products')
    await products.updateOne({ name }, { $inc: { stock: 1 } })
    const { code, output } = await reconcile(...addressOptions())
    expect(output).toMatch(
      new RegExp(`stock-balance +product ${name} .* +openings and adjustments 27 +stock 25 \\+ held 3 = 28\n`),
    )
    expect(output).toMatch(/reconcile: 1 difference in/)
    expect(code).toBe(1)
    await products.updateOne({ name }, { $inc: { stock: -1 } })
  })

  it('exits with 2 and a sentence when a server does not answer or an option is unknown', async () => {
    expect(await reconcile('--mongodb', 'mongodb://127.0.0.1:1', '--kafka', shop.running.kafka)).toEqual({
      code: 2,
      output: expect.stringMatching(/^MongoDB at mongodb:\/\/127\.0\.0\.1:1 cannot be read: .*ECONNREFUSED.*\.\n$/),
    })
    expect(await reconcile('--all')).toMatchObject({ code: 2, output: expect.stringContaining('There is no "all"') })
  })
})
