import { status, type ServiceError } from '@grpc/grpc-js'
import * as contracts from '@halles/contracts/product-grpc'
import { productGrpcExamples } from '@halles/contracts/product-grpc-examples'
import { ask } from '@halles/service/grpc'
import { newId } from '@halles/service/ids'
import { eventually } from '@halles/testkit/wait'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { ownDatabase } from '@halles/testkit/database'
import { cableTo } from '../test/cable.ts'
import { healthOf, reflected } from '../test/grpc-standards.ts'
import { startProductService, type Running } from '../test/running.ts'

let shop: Running
beforeAll(async () => void (shop = await startProductService()))
afterEach(async () => expect(await shop.misfits()).toEqual([]))
afterAll(() => shop.close())

type CallName = 'CheckStock' | 'ReserveStock' | 'ReserveStocks' | 'ReleaseStock'
type Message = { fromJSON: (json: unknown) => unknown; toJSON: (message: unknown) => unknown }
type Client = Record<
  string,
  (request: unknown, answer: (error: ServiceError | null, response: unknown) => void) => void
>

/** Calls as protobuf's JSON says it, and gives the answer back as JSON, or the name of the status. */
async function call(name: CallName, request: object): Promise<{ response?: unknown; status?: string }> {
  const messages = contracts as unknown as Record<string, Message>
  const method = `${name[0]!.toLowerCase()}${name.slice(1)}`
  return new Promise((resolve) => {
    ;(shop.grpc as unknown as Client)[method]!(messages[`${name}Request`]!.fromJSON(request), (error, response) => {
      if (error) resolve({ status: status[error.code]! })
      else resolve({ response: messages[`${name}Response`]!.fromJSON(messages[`${name}Response`]!.toJSON(response)) })
    })
  })
}

describe('what peers are promised', () => {
  it.each(productGrpcExamples())('$name: $about', async (example) => {
    // The examples share their ids, so each goes to ids of its own.
    const own = newId().slice(0, 8) + newId().slice(-12)
    const mine = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('0197a1b2-', `${own}-`)) as T
    const { given, request, then, response, status: refused } = mine(example)
    for (const { id, ...product } of given.products) await shop.put({ _id: id, ...product })
    for (const before of given.calls) await call(before.call, before.request)

    const answer = await call(example.call, request)
    if (refused) expect(answer).toEqual({ status: refused })
    else {
      const messages = contracts as unknown as Record<string, Message>
      expect(answer).toEqual({ response: messages[`${example.call}Response`]!.fromJSON(response) })
    }
    for (const [id, stock] of Object.entries(then.stock)) expect(await shop.stockOf(id)).toBe(stock)
  })
})

const line = (productId: string, quantity: number) => ({ productId, quantity })

describe('a request that does not fit', () => {
  it.each([
    ['ReserveStock', { orderId: '', items: [line('a', 1)] }],
    ['ReserveStock', { orderId: 'x'.repeat(201), items: [line('a', 1)] }],
    ['ReserveStock', { orderId: 'o', items: [] }],
    ['ReserveStock', { orderId: 'o', items: Array.from({ length: 101 }, (_, i) => line(`p${i}`, 1)) }],
    ['ReserveStock', { orderId: 'o', items: [line('a', -1)] }],
    ['ReserveStock', { orderId: 'o', items: [line('a', 1000)] }],
    [
      'ReserveStocks',
      {
        orders: [
          { orderId: 'o', items: [line('a', 1)] },
          { orderId: 'p', items: [line('a', 0)] },
        ],
      },
    ],
    ['CheckStock', { items: [line('a', 0)] }],
    ['ReleaseStock', { orderId: '' }],
  ] as [CallName, object][])('is INVALID_ARGUMENT: %s %j', async (name, request) => {
    expect(await call(name, request)).toEqual({ status: 'INVALID_ARGUMENT' })
  })

  it('says in a sentence that it does not fit, and nothing of what is inside', async () => {
    const { checkStock } = shop.grpc
    const asked = ask(checkStock.bind(shop.grpc), { items: [line('a', 0)] }, 5000)
    await expect(asked).rejects.toMatchObject({ details: 'What was sent does not fit: see errors.' })
  })
})

describe('CheckStock', () => {
  it('answers thousands of lines with one query', async () => {
    const { _id } = await shop.put({ stock: 7 })
    const items = Array.from({ length: 6400 }, (_, i) => line(i % 2 ? _id : `unknown-${i}`, 1 + (i % 9)))
    await shop.db.command({ profile: 2 })
    const { items: answers } = await ask(shop.grpc.checkStock.bind(shop.grpc), { items }, 10_000)
    await shop.db.command({ profile: 0 })
    const queries = { op: { $in: ['query', 'getmore'] }, ns: `${shop.db.databaseName}.products` }
    expect(await shop.db.collection('system.profile').countDocuments(queries)).toBe(1)
    expect(answers.length).toBe(6400)
    expect(answers.every(({ productId, available }, i) => productId === items[i]!.productId && available === (i % 2 === 1 && items[i]!.quantity <= 7))).toBe(true) // prettier-ignore
  })
})

describe('the standard services', () => {
  it('health is told of this service by name, of the server, and of nothing else', async () => {
    const health = healthOf(shop.app.grpcPort)
    expect(await health.check('')).toBe('SERVING')
    expect(await health.check('halles.product.v1.ProductService')).toBe('SERVING')
    expect(await health.check('other')).toBe('NOT_FOUND')
    health.close()
  })

  it('reflection lists the service, and describes its methods', async () => {
    const { services, file } = await reflected(shop.app.grpcPort, 'halles.product.v1.ProductService')
    expect(services).toEqual(expect.arrayContaining(['halles.product.v1.ProductService', 'grpc.health.v1.Health']))
    for (const name of ['ReserveStocks', 'ReleaseStock', 'price_cents']) expect(file).toContain(name)
  })

  it('health follows the database: away, and back again', async () => {
    const cable = await cableTo(ownDatabase(inject('mongodb'), 'product'))
    const own = await startProductService({ database: cable.url })
    const health = healthOf(own.app.grpcPort)
    expect(await health.check('')).toBe('SERVING')
    cable.pullOut()
    await eventually('health says NOT_SERVING', async () => (await health.check('')) === 'NOT_SERVING')
    expect((await own.app.inject('/readyz')).statusCode).toBe(503)
    const asked = ask(own.grpc.checkStock.bind(own.grpc), { items: [line('a', 1)] }, 15_000)
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    cable.plugIn()
    await eventually('health says SERVING', async () => (await health.check('')) === 'SERVING')
    health.close()
    await own.close()
    cable.close()
  })
})

describe('a stop', () => {
  it('answers the calls under way, and takes no others', async () => {
    const own = await startProductService()
    const { _id } = await own.put({ stock: 100 })
    const under = Array.from({ length: 50 }, () => own.reserve(newId(), [line(_id, 1)]))
    await eventually('the first is taken', async () => (await own.stockOf(_id))! < 100)
    const [answers] = await Promise.all([Promise.all(under), own.app.close()])
    expect(answers.every(({ reservation }) => reservation?.outcome === contracts.ReservationOutcome.HELD)).toBe(true)
    await expect(own.reserve(newId(), [line(_id, 1)])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await own.close()
  })

  it('is not held up by who watches the health', async () => {
    const own = await startProductService()
    const health = healthOf(own.app.grpcPort)
    const seen = health.watch('')
    await eventually('the watcher hears', () => seen.includes('SERVING'))
    await own.app.close()
    expect(seen).toContain('NOT_SERVING')
    health.close()
    await own.close()
  })

  it('is not begun with a port that is taken: told in a sentence', async () => {
    const port = String(shop.app.grpcPort)
    await expect(startProductService({ GRPC_PORT: port })).rejects.toThrow(`127.0.0.1:${port}: is the port taken?`)
  })
})
