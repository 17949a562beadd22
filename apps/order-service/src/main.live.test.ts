import { spawn } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ownDatabase } from '@halles/testkit/database'
import { as, someone, testKeyOf } from '@halles/testkit/people'
import { MongoClient } from 'mongodb'
import { expect, inject, it, onTestFinished } from 'vitest'
import { startShelf } from '../test/shelf.ts'

/** The keys of the people in tests, served as auth-service serves its own. */
async function serveKeys(): Promise<string> {
  const key = { ...createPublicKey((await testKeyOf('test-key'))!).export({ format: 'jwk' }), kid: 'test-key' }
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [key] })),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
}

/** Order-service as an operator starts it: a process of its own, told by its environment alone. */
async function startProcess(env: Record<string, string>) {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=development', main], {
    env: { ...process.env, NODE_OPTIONS: '', PORT: '0', LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const listening = Promise.withResolvers<string>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const address = /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]
    if (address) listening.resolve(address)
  })
  void ended.then(([code]) => listening.reject(new Error(`ended with ${code} before it listened`)))
  return { child, ended, url: await listening.promise }
}

it(
  'starts and takes orders while Kafka is away, and on SIGTERM answers what is under way',
  { timeout: 60_000 },
  async () => {
    const shelf = await startShelf()
    onTestFinished(() => shelf.stop())
    const database = ownDatabase(inject('mongodb'))
    const { child, ended, url } = await startProcess({
      MONGODB_URL: database,
      KAFKA_BROKERS: '127.0.0.1:1',
      PRODUCT_GRPC_URL: shelf.address,
      JWKS_URL: await serveKeys(),
    })
    const ready = await fetch(`${url}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({ needs: { mongodb: 'ok', product: 'ok', kafka: 'missing' } })

    const held = Promise.withResolvers<void>()
    const mayGo = Promise.withResolvers<void>()
    shelf.trouble.before = (call) => {
      if (call !== 'reserveStocks') return undefined
      held.resolve()
      return mayGo.promise
    }
    const { id } = shelf.put({ stock: 3 })
    const answer = fetch(`${url}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(await as(someone())) },
      body: JSON.stringify({ items: [{ productId: id, quantity: 2 }] }),
    })
    await held.promise
    child.kill('SIGTERM')
    mayGo.resolve()
    expect((await answer).status).toBe(201)
    expect(await ended).toEqual([0, null])

    const client = new MongoClient(database)
    onTestFinished(() => client.close())
    const left = await client.db().collection('orders').find().toArray()
    expect(left).toMatchObject([{ status: 'Reçue', unsent: [{ seq: 1, type: 'order.created' }] }])
  },
)
