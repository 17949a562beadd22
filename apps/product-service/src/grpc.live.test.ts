import { status, type ServiceError } from '@grpc/grpc-js'
import * as contracts from '@halles/contracts/product-grpc'
import { productGrpcExamples } from '@halles/contracts/product-grpc-examples'
import { callUnary } from '@halles/grpc/grpc'
import { newId } from '@halles/mongo/ids'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { createHealthClient, readReflection } from '../test/grpc-infrastructure-clients.ts'
import { startProductService, type ProductServiceFixture } from '../test/service-fixture.ts'
import { startTcpFaultProxy } from '../test/tcp-fault-proxy.ts'

let service: ProductServiceFixture
beforeAll(async () => void (service = await startProductService()))
afterEach(async () => expect(await service.findLedgerMismatches()).toEqual([]))
afterAll(() => service.close())

type MethodName = 'CheckStock' | 'ReserveStock' | 'ReserveStocks' | 'ReleaseStock'
type Message = { fromJSON: (json: unknown) => unknown; toJSON: (message: unknown) => unknown }
type Client = Record<
  string,
  (request: unknown, callback: (error: ServiceError | null, response: unknown) => void) => void
>

/** Calls a method with protobuf JSON, and returns the response as JSON, or the name of the error status. */
async function call(name: MethodName, request: object): Promise<{ response?: unknown; status?: string }> {
  const messages = contracts as unknown as Record<string, Message>
  const method = `${name[0]!.toLowerCase()}${name.slice(1)}`
  return new Promise((resolve) => {
    ;(service.grpc as unknown as Client)[method]!(messages[`${name}Request`]!.fromJSON(request), (error, response) => {
      if (error) resolve({ status: status[error.code]! })
      else resolve({ response: messages[`${name}Response`]!.fromJSON(messages[`${name}Response`]!.toJSON(response)) })
    })
  })
}

describe('the gRPC contract of product-service', () => {
  it.each(productGrpcExamples())('$name: $about', async (example) => {
    // All examples use the same ids, so each run replaces them by new ones.
    const prefix = newId().slice(0, 8) + newId().slice(-12)
    const withNewIds = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('0197a1b2-', `${prefix}-`)) as T
    const { given, request, then, response, status: errorStatus } = withNewIds(example)
    for (const { id, ...product } of given.products) await service.addProduct({ _id: id, ...product })
    for (const before of given.calls) await call(before.call, before.request)

    const result = await call(example.call, request)
    if (errorStatus) expect(result).toEqual({ status: errorStatus })
    else {
      const messages = contracts as unknown as Record<string, Message>
      expect(result).toEqual({ response: messages[`${example.call}Response`]!.fromJSON(response) })
    }
    for (const [id, stock] of Object.entries(then.stock)) expect(await service.readStock(id)).toBe(stock)
  })
})

const line = (productId: string, quantity: number) => ({ productId, quantity })

describe('an invalid gRPC request', () => {
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
  ] as [MethodName, object][])('is answered INVALID_ARGUMENT: %s %j', async (name, request) => {
    expect(await call(name, request)).toEqual({ status: 'INVALID_ARGUMENT' })
  })

  it('gets an error sentence without internal details', async () => {
    const { checkStock } = service.grpc
    const response = callUnary(checkStock.bind(service.grpc), { items: [line('a', 0)] }, 5000)
    await expect(response).rejects.toMatchObject({ details: 'What was sent does not fit: see errors.' })
  })
})

describe('CheckStock', () => {
  it('answers thousands of lines with one query', async () => {
    const { _id } = await service.addProduct({ stock: 7 })
    const items = Array.from({ length: 6400 }, (_, i) => line(i % 2 ? _id : `unknown-${i}`, 1 + (i % 9)))
    await service.db.command({ profile: 2 })
    const { items: lines } = await callUnary(service.grpc.checkStock.bind(service.grpc), { items }, 10_000)
    await service.db.command({ profile: 0 })
    const queries = { op: { $in: ['query', 'getmore'] }, ns: `${service.db.databaseName}.products` }
    expect(await service.db.collection('system.profile').countDocuments(queries)).toBe(1)
    expect(lines.length).toBe(6400)
    expect(lines.every(({ productId, available }, i) => productId === items[i]!.productId && available === (i % 2 === 1 && items[i]!.quantity <= 7))).toBe(true) // prettier-ignore
  })
})

describe('the standard gRPC services', () => {
  it('report health for ProductService and for the whole server, and for no other name', async () => {
    const health = createHealthClient(service.app.grpcPort)
    expect(await health.check('')).toBe('SERVING')
    expect(await health.check('halles.product.v1.ProductService')).toBe('SERVING')
    expect(await health.check('other')).toBe('NOT_FOUND')
    health.close()
  })

  it('list ProductService and describe its methods by reflection', async () => {
    const { services, file } = await readReflection(service.app.grpcPort, 'halles.product.v1.ProductService')
    expect(services).toEqual(expect.arrayContaining(['halles.product.v1.ProductService', 'grpc.health.v1.Health']))
    for (const name of ['ReserveStocks', 'ReleaseStock', 'price_cents']) expect(file).toContain(name)
  })

  it('report NOT_SERVING while MongoDB is unreachable, and SERVING afterwards', async () => {
    const proxy = await startTcpFaultProxy(uniqueDatabaseUrl(inject('mongodb'), 'product'))
    const instance = await startProductService({ database: proxy.url })
    const health = createHealthClient(instance.app.grpcPort)
    expect(await health.check('')).toBe('SERVING')
    proxy.disconnect()
    await eventually('health is NOT_SERVING', async () => (await health.check('')) === 'NOT_SERVING')
    expect((await instance.app.inject('/readyz')).statusCode).toBe(503)
    const response = callUnary(instance.grpc.checkStock.bind(instance.grpc), { items: [line('a', 1)] }, 15_000)
    await expect(response).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    proxy.reconnect()
    await eventually('health is SERVING', async () => (await health.check('')) === 'SERVING')
    health.close()
    await instance.close()
    proxy.close()
  })
})

describe('the gRPC server', () => {
  it('answers the calls in flight when it closes, and refuses new ones', async () => {
    const instance = await startProductService()
    const { _id } = await instance.addProduct({ stock: 100 })
    const inFlight = Array.from({ length: 50 }, () => instance.reserve(newId(), [line(_id, 1)]))
    await eventually('the first reservation is committed', async () => (await instance.readStock(_id))! < 100)
    const [responses] = await Promise.all([Promise.all(inFlight), instance.app.close()])
    expect(responses.every(({ reservation }) => reservation?.outcome === contracts.ReservationOutcome.HELD)).toBe(true)
    await expect(instance.reserve(newId(), [line(_id, 1)])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await instance.close()
  })

  it('closes while a client watches its health, and tells it NOT_SERVING', async () => {
    const instance = await startProductService()
    const health = createHealthClient(instance.app.grpcPort)
    const statuses = health.watch('')
    await eventually('the watcher receives SERVING', () => statuses.includes('SERVING'))
    await instance.app.close()
    expect(statuses).toContain('NOT_SERVING')
    health.close()
    await instance.close()
  })

  it('fails to start on a taken port, with an error that names it', async () => {
    const port = String(service.app.grpcPort)
    await expect(startProductService({ GRPC_PORT: port })).rejects.toThrow(`127.0.0.1:${port}: is the port taken?`)
  })
})
