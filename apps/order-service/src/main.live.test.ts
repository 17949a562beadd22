import { ownDatabase } from '@halles/testkit/database'
import { as, someone } from '@halles/testkit/people'
import { serveKeys, startProcess } from '@halles/testkit/process'
import { eventually } from '@halles/testkit/wait'
import { MongoClient } from 'mongodb'
import { expect, inject, it, onTestFinished } from 'vitest'
import { startShelf } from '../test/shelf.ts'

it(
  'starts and takes orders while Kafka is away, and on SIGTERM answers what is under way',
  { timeout: 60_000 },
  async () => {
    const shelf = await startShelf()
    onTestFinished(() => shelf.stop())
    const database = ownDatabase(inject('mongodb'))
    const keys = await serveKeys()
    onTestFinished(keys.close)
    const { child, ended, listening, kill } = startProcess(new URL('main.ts', import.meta.url), {
      MONGODB_URL: database,
      KAFKA_BROKERS: '127.0.0.1:1',
      PRODUCT_GRPC_URL: shelf.address,
      JWKS_URL: keys.url,
    })
    onTestFinished(kill)
    const url = await listening
    await eventually('it misses Kafka alone', async () => {
      const ready = await fetch(`${url}/readyz`)
      expect(ready.status).toBe(503)
      const { needs } = (await ready.json()) as { needs: Record<string, string> }
      expect(needs['kafka']).toBe('missing')
      return needs['mongodb'] === 'ok' && needs['product'] === 'ok'
    })

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
    expect(await ended).toEqual({ code: 0, signal: null })

    const client = new MongoClient(database)
    onTestFinished(() => client.close())
    const left = await client.db().collection('orders').find().toArray()
    expect(left).toMatchObject([{ status: 'Reçue', unsent: [{ seq: 1, type: 'order.created' }] }])
  },
)
