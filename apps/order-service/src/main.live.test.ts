import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { authorizationHeader, createPrincipal } from '@halles/test-fixtures/principals'
import { serveJwks, startProcess } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import { MongoClient } from 'mongodb'
import { expect, inject, it, onTestFinished } from 'vitest'
import { startFakeProductService } from '../test/fake-product-service.ts'

it(
  'order-service starts and places orders while Kafka is down, and answers the requests in flight on SIGTERM',
  { timeout: 60_000 },
  async () => {
    const productService = await startFakeProductService()
    onTestFinished(() => productService.stop())
    const database = uniqueDatabaseUrl(inject('mongodb'))
    const keys = await serveJwks()
    onTestFinished(keys.close)
    const { child, ended, listening, kill } = startProcess(new URL('main.ts', import.meta.url), {
      MONGODB_URL: database,
      KAFKA_BROKERS: '127.0.0.1:1',
      PRODUCT_GRPC_URL: productService.address,
      JWKS_URL: keys.url,
    })
    onTestFinished(kill)
    const url = await listening
    await eventually('only Kafka is missing', async () => {
      const ready = await fetch(`${url}/readyz`)
      expect(ready.status).toBe(503)
      const { needs } = (await ready.json()) as { needs: Record<string, string> }
      expect(needs['kafka']).toBe('missing')
      return needs['mongodb'] === 'ok' && needs['product'] === 'ok'
    })

    const reserving = Promise.withResolvers<void>()
    const mayReserve = Promise.withResolvers<void>()
    productService.faults.before = (call) => {
      if (call !== 'reserveStocks') return undefined
      reserving.resolve()
      return mayReserve.promise
    }
    const { id } = productService.addProduct({ stock: 3 })
    const answer = fetch(`${url}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(await authorizationHeader(createPrincipal())) },
      body: JSON.stringify({ items: [{ productId: id, quantity: 2 }] }),
    })
    await reserving.promise
    child.kill('SIGTERM')
    mayReserve.resolve()
    expect((await answer).status).toBe(201)
    expect(await ended).toEqual({ code: 0, signal: null })

    const client = new MongoClient(database)
    onTestFinished(() => client.close())
    const stored = await client.db().collection('orders').find().toArray()
    expect(stored).toMatchObject([{ status: 'Reçue', unpublished: [{ seq: 1, type: 'order.created' }] }])
  },
)
