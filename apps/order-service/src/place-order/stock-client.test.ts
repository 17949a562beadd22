import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import {
  CheckStockResponse,
  ReleaseStockResponse,
  ReserveStocksResponse,
  type CheckStockRequest,
  type ReserveStocksRequest,
} from '@halles/contracts/product-grpc'
import { freePort } from '@halles/test-fixtures/port'
import { eventually, rejectAfter } from '@halles/test-fixtures/wait'
import { describe, expect, it, onTestFinished } from 'vitest'
import { serveProducts, startFakeProductService } from '../../test/fake-product-service.ts'
import { createStockClient } from './stock-client.ts'

const folder = new URL('../../../../packages/contracts/examples/product-grpc/', import.meta.url)
type Example = { call: string; request: unknown; response?: unknown }
const examples = Object.fromEntries(
  readdirSync(folder).map((name) => [
    name.replace('.json', ''),
    JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Example,
  ]),
)

/** Starts a product-service that answers with a contract example, and records its requests. */
async function startExample({ response }: Example) {
  const requests: unknown[] = []
  const answer =
    <A>(value: A) =>
    (call: ServerUnaryCall<unknown, A>, reply: sendUnaryData<A>) => {
      requests.push(call.request)
      reply(null, value)
    }
  const { address, stop } = await serveProducts({
    checkStock: answer(CheckStockResponse.fromJSON(response)),
    reserveStocks: answer(ReserveStocksResponse.fromJSON(response)),
    releaseStock: answer(ReleaseStockResponse.fromJSON(response)),
    reserveStock: (_call, reply) => reply({ code: status.UNIMPLEMENTED }),
  })
  return { stock: createTestClient(address, stop), requests }
}

function createTestClient(address: string, stop = () => {}) {
  const stock = createStockClient(address)
  onTestFinished(() => {
    stock.close()
    stop()
  })
  return stock
}

/** A network in front of an address that can lose connections as a machine that has lost power does: no one is told. */
async function startNetwork(upstream: string) {
  const { hostname, port } = new URL(`tcp://${upstream}`)
  const sockets: Socket[] = []
  const server = createServer((client) => {
    const other = connect(Number(port), hostname)
    sockets.push(client, other)
    for (const socket of [client, other]) socket.on('error', () => {})
    client.pipe(other)
    other.pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseConnections: () => sockets.forEach((socket) => socket.unpipe().pause()),
  }
}

describe('createStockClient, by the contract examples', () => {
  it('checks stock and prices', async () => {
    const example = examples['check-stock']!
    const { stock, requests } = await startExample(example)
    const { items } = example.request as CheckStockRequest
    expect(await stock.check(items)).toEqual([
      { available: 5, product: { name: 'Comté 18 mois', price: 24.9 } },
      { available: 2, product: { name: 'Brie de Meaux', price: 9.05 } },
      { available: 0 },
      { available: 0 },
      { available: 5, product: { name: 'Comté 18 mois', price: 24.9 } },
    ])
    expect(requests).toEqual([example.request])
  })

  it('reserves many orders in one call, each with its own result', async () => {
    const example = examples['reserve-stocks']!
    const { stock, requests } = await startExample(example)
    const { orders } = example.request as ReserveStocksRequest
    expect(await Promise.all(orders.map((order) => stock.reserve(order)))).toEqual([
      { outcome: 'held' },
      {
        outcome: 'refused',
        shortages: [{ productId: orders[1]!.items[0]!.productId, exists: true, available: 2 }],
      },
      { outcome: 'held' },
    ])
    expect(requests).toEqual([example.request])
  })

  it.each([
    ['reserve-stock-held', { outcome: 'held' }],
    ['reserve-stock-again', { outcome: 'held' }],
    ['reserve-stock-released', { outcome: 'released' }],
  ])('converts the reservation of %s', async (name, result) => {
    const { request, response } = examples[name]!
    const { reservation } = response as { reservation: unknown }
    const { stock } = await startExample({ call: 'ReserveStocks', request, response: { reservations: [reservation] } })
    expect(await stock.reserve(request as never)).toEqual(result)
  })

  it('converts a refused reservation to its shortages', async () => {
    const { request, response } = examples['reserve-stock-refused']!
    const { reservation } = response as { reservation: { shortages: { availableQuantity: number }[] } }
    const { stock } = await startExample({ call: 'ReserveStocks', request, response: { reservations: [reservation] } })
    expect(await stock.reserve(request as never)).toEqual({
      outcome: 'refused',
      shortages: reservation.shortages.map(({ availableQuantity, ...more }) => ({
        ...more,
        available: availableQuantity,
      })),
    })
  })

  it.each(['release-stock', 'release-stock-again', 'release-stock-unknown'])('releases: %s', async (name) => {
    const example = examples[name]!
    const { stock, requests } = await startExample(example)
    await stock.release((example.request as { orderId: string }).orderId)
    expect(requests).toEqual([example.request])
  })
})

describe('createStockClient, with concurrent calls,', () => {
  it('checks many orders in one call, each with its own result', async () => {
    const productService = await startFakeProductService()
    const stock = createTestClient(productService.address, productService.stop)
    const products = Array.from({ length: 20 }, (_, i) => productService.addProduct({ price: i + 1 }))
    const answers = await Promise.all(products.map(({ id }) => stock.check([{ productId: id, quantity: 1 }])))
    expect(answers.map(([line]) => line?.product?.price)).toEqual(products.map((_, i) => i + 1))
    expect(productService.calls['checkStock']).toBe(1)
  })

  it('keeps an impossible product id of one order from failing the others', async () => {
    const productService = await startFakeProductService()
    const stock = createTestClient(productService.address, productService.stop)
    const { id } = productService.addProduct()
    const line = (productId: string) => ({ productId, quantity: 1 })
    const [strange, plain] = await Promise.all([
      stock.check([line('x'.repeat(1_000_000)), line(id), line(' ')]),
      stock.check([line(id)]),
    ])
    expect(strange.map(({ product }) => product?.name)).toEqual([undefined, 'Comté 18 mois', undefined])
    expect(plain[0]?.product).toBeDefined()
  })

  it('rejects a response with too few lines', async () => {
    const { stock } = await startExample({ call: 'CheckStock', request: {}, response: { items: [] } })
    await expect(stock.check([{ productId: 'p', quantity: 1 }])).rejects.toThrow('answered 0 lines of 1')
  })

  it('accepts a large response', async () => {
    const productService = await startFakeProductService()
    const stock = createTestClient(productService.address, productService.stop)
    const { id } = productService.addProduct({ name: 'é'.repeat(200) })
    const lines = Array.from({ length: 100 }, () => ({ productId: id, quantity: 1 }))
    const answers = await Promise.all(Array.from({ length: 128 }, () => stock.check(lines)))
    expect(answers.flat().filter(({ product }) => product)).toHaveLength(12_800)
  })

  it('rejects only the orders whose reservation is invalid or missing', async () => {
    const { stock } = await startExample({
      call: 'ReserveStocks',
      request: {},
      response: { reservations: [{ orderId: 'a', outcome: 'RESERVATION_OUTCOME_HELD' }, { orderId: 'b' }] },
    })
    const reserve = (orderId: string) => stock.reserve({ orderId, items: [{ productId: 'p', quantity: 1 }] })
    const [a, b, c] = await Promise.allSettled([reserve('a'), reserve('b'), reserve('c')])
    expect(a).toMatchObject({ status: 'fulfilled', value: { outcome: 'held' } })
    expect(b.status).toBe('rejected')
    expect(c.status).toBe('rejected')
  })
})

describe('createStockClient, when product-service', () => {
  const check = (stock: ReturnType<typeof createStockClient>) => stock.check([{ productId: 'p', quantity: 1 }])

  it('is down for longer than a restart, throws UNAVAILABLE, then at once, and reconnects when it is back', async () => {
    const port = await freePort()
    const stock = createTestClient(`127.0.0.1:${port}`)
    const start = Date.now()
    const calls = [rejectAfter(7000, check(stock)), rejectAfter(7000, stock.release('o'))]
    await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' })))
    expect(Date.now() - start).toBeGreaterThan(4000)
    await expect(rejectAfter(1500, check(stock))).rejects.toMatchObject({ code: 'UNAVAILABLE' })

    const restarted = await startFakeProductService({ port })
    onTestFinished(() => restarted.stop())
    await eventually('a check succeeds', () => check(stock).catch(() => false))
  })

  it('restarts under load, delays calls but fails none', async () => {
    const port = await freePort()
    const productService = await startFakeProductService({ port })
    const stock = createTestClient(productService.address)
    let isCalling = true
    const callers = Array.from({ length: 16 }, async (_, n) => {
      for (let i = 0; isCalling || i < 1; i++) {
        await check(stock)
        await stock.reserve({ orderId: `${n}.${i}`, items: [{ productId: 'p', quantity: 1 }] })
        await stock.release(`${n}.${i}`)
      }
    })
    await eventually('calls succeed', () => (productService.calls['releaseStock'] ?? 0) > 50)
    productService.stop() // in the middle of calls
    await new Promise((resolve) => setTimeout(resolve, 2000)) // as long as a restart takes
    const restarted = await startFakeProductService({ port })
    onTestFinished(() => restarted.stop())
    await eventually('calls succeed again', () => (restarted.calls['releaseStock'] ?? 0) > 50)
    isCalling = false
    expect((await Promise.allSettled(callers)).filter(({ status }) => status === 'rejected')).toEqual([])
  })

  it('vanishes without closing its connection, uses a new one within 10 s', async () => {
    const productService = await startFakeProductService()
    const network = await startNetwork(productService.address)
    const stock = createTestClient(network.address, productService.stop)
    await check(stock)
    network.loseConnections()
    const lostAt = Date.now()
    await eventually('a check succeeds', () => check(stock).catch(() => false), 60_000)
    expect(Date.now() - lostAt).toBeLessThan(10_000)
  })

  it('is too slow, throws TIMEOUT', async () => {
    const productService = await startFakeProductService()
    productService.faults.before = () => new Promise(() => {})
    const stock = createTestClient(productService.address, productService.stop)
    await expect(check(stock)).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('is too slow for the queue of calls, answers or times out each within 6 s', async () => {
    const productService = await startFakeProductService()
    productService.faults.before = () => new Promise((resolve) => setTimeout(resolve, 3500))
    const stock = createTestClient(productService.address, productService.stop)
    const reservations = Array.from({ length: 5 * 64 }, (_, i) =>
      stock.reserve({ orderId: `${i}`, items: [{ productId: 'p', quantity: 1 }] }).then(
        () => 'answered',
        ({ code }: { code: string }) => code,
      ),
    )
    const answers = await rejectAfter(7500, Promise.all(reservations))
    expect(new Set(answers)).toEqual(new Set(['answered', 'TIMEOUT']))
  })
})
