import { readdirSync, readFileSync } from 'node:fs'
import { status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import {
  CheckStockResponse,
  ReleaseStockResponse,
  ReserveStocksResponse,
  type CheckStockRequest,
  type ReserveStocksRequest,
} from '@halles/contracts/product-grpc'
import { freePort } from '@halles/testkit/port'
import { eventually, inTime } from '@halles/testkit/wait'
import { describe, expect, it, onTestFinished } from 'vitest'
import { serveProducts, startShelf } from '../test/shelf.ts'
import { stockAt } from './stock.ts'

const folder = new URL('../../../packages/contracts/examples/product-grpc/', import.meta.url)
type Example = { call: string; request: unknown; response?: unknown }
const examples = Object.fromEntries(
  readdirSync(folder).map((name) => [
    name.replace('.json', ''),
    JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Example,
  ]),
)

/** A product-service that answers by one of the examples, and keeps what it was asked. */
async function exampleShelf({ response }: Example) {
  const asked: unknown[] = []
  const answer =
    <A>(value: A) =>
    (call: ServerUnaryCall<unknown, A>, reply: sendUnaryData<A>) => {
      asked.push(call.request)
      reply(null, value)
    }
  const { address, stop } = await serveProducts({
    checkStock: answer(CheckStockResponse.fromJSON(response)),
    reserveStocks: answer(ReserveStocksResponse.fromJSON(response)),
    releaseStock: answer(ReleaseStockResponse.fromJSON(response)),
    reserveStock: (_call, reply) => reply({ code: status.UNIMPLEMENTED }),
  })
  return { stock: stockOf(address, stop), asked }
}

function stockOf(address: string, stop = () => {}) {
  const stock = stockAt(address)
  onTestFinished(() => {
    stock.close()
    stop()
  })
  return stock
}

describe('by the examples of the contract', () => {
  it('looks', async () => {
    const example = examples['check-stock']!
    const { stock, asked } = await exampleShelf(example)
    const { items } = example.request as CheckStockRequest
    expect(await stock.check(items)).toEqual([
      { available: 5, product: { name: 'Comté 18 mois', price: 24.9 } },
      { available: 2, product: { name: 'Brie de Meaux', price: 9.05 } },
      { available: 0 },
      { available: 0 },
      { available: 5, product: { name: 'Comté 18 mois', price: 24.9 } },
    ])
    expect(asked).toEqual([example.request])
  })

  it('holds many orders in one call, each answered by itself', async () => {
    const example = examples['reserve-stocks']!
    const { stock, asked } = await exampleShelf(example)
    const { orders } = example.request as ReserveStocksRequest
    expect(await Promise.all(orders.map(stock.hold))).toEqual([
      { outcome: 'held' },
      {
        outcome: 'refused',
        shortages: [{ productId: orders[1]!.items[0]!.productId, exists: true, available: 2 }],
      },
      { outcome: 'held' },
    ])
    expect(asked).toEqual([example.request])
  })

  it.each([
    ['reserve-stock-held', { outcome: 'held' }],
    ['reserve-stock-again', { outcome: 'held' }],
    ['reserve-stock-released', { outcome: 'released' }],
  ])('understands %s', async (name, hold) => {
    const { request, response } = examples[name]!
    const { reservation } = response as { reservation: unknown }
    const { stock } = await exampleShelf({ call: 'ReserveStocks', request, response: { reservations: [reservation] } })
    expect(await stock.hold(request as never)).toEqual(hold)
  })

  it('understands what is refused', async () => {
    const { request, response } = examples['reserve-stock-refused']!
    const { reservation } = response as { reservation: { shortages: { availableQuantity: number }[] } }
    const { stock } = await exampleShelf({ call: 'ReserveStocks', request, response: { reservations: [reservation] } })
    expect(await stock.hold(request as never)).toEqual({
      outcome: 'refused',
      shortages: reservation.shortages.map(({ availableQuantity, ...more }) => ({
        ...more,
        available: availableQuantity,
      })),
    })
  })

  it.each(['release-stock', 'release-stock-again', 'release-stock-unknown'])('gives back: %s', async (name) => {
    const example = examples[name]!
    const { stock, asked } = await exampleShelf(example)
    await stock.release((example.request as { orderId: string }).orderId)
    expect(asked).toEqual([example.request])
  })
})

describe('what waits', () => {
  it('is looked up in one call, each order answered by itself', async () => {
    const shelf = await startShelf()
    const stock = stockOf(shelf.address, shelf.stop)
    const products = Array.from({ length: 20 }, (_, i) => shelf.put({ price: i + 1 }))
    const answers = await Promise.all(products.map(({ id }) => stock.check([{ productId: id, quantity: 1 }])))
    expect(answers.map(([line]) => line?.product?.price)).toEqual(products.map((_, i) => i + 1))
    expect(shelf.calls['checkStock']).toBe(1)
  })

  it('does not suffer from an id that no product can have', async () => {
    const shelf = await startShelf()
    const stock = stockOf(shelf.address, shelf.stop)
    const { id } = shelf.put()
    const line = (productId: string) => ({ productId, quantity: 1 })
    const [strange, plain] = await Promise.all([
      stock.check([line('x'.repeat(1_000_000)), line(id), line(' ')]),
      stock.check([line(id)]),
    ])
    expect(strange.map(({ product }) => product?.name)).toEqual([undefined, 'Comté 18 mois', undefined])
    expect(plain[0]?.product).toBeDefined()
  })

  it('is no verdict on a product where the answer is too short', async () => {
    const { stock } = await exampleShelf({ call: 'CheckStock', request: {}, response: { items: [] } })
    await expect(stock.check([{ productId: 'p', quantity: 1 }])).rejects.toThrow('answered 0 lines of 1')
  })

  it('may be a large answer', async () => {
    const shelf = await startShelf()
    const stock = stockOf(shelf.address, shelf.stop)
    const { id } = shelf.put({ name: 'é'.repeat(200) })
    const lines = Array.from({ length: 100 }, () => ({ productId: id, quantity: 1 }))
    const answers = await Promise.all(Array.from({ length: 128 }, () => stock.check(lines)))
    expect(answers.flat().filter(({ product }) => product)).toHaveLength(12_800)
  })

  it('does not suffer from a neighbour’s answer that makes no sense', async () => {
    const { stock } = await exampleShelf({
      call: 'ReserveStocks',
      request: {},
      response: { reservations: [{ orderId: 'a', outcome: 'RESERVATION_OUTCOME_HELD' }, { orderId: 'b' }] },
    })
    const hold = (orderId: string) => stock.hold({ orderId, items: [{ productId: 'p', quantity: 1 }] })
    const [a, b, c] = await Promise.allSettled([hold('a'), hold('b'), hold('c')])
    expect(a).toMatchObject({ status: 'fulfilled', value: { outcome: 'held' } })
    expect(b.status).toBe('rejected')
    expect(c.status).toBe('rejected')
  })
})

describe('a product-service', () => {
  const look = (stock: ReturnType<typeof stockAt>) => stock.check([{ productId: 'p', quantity: 1 }])

  it('that is away for longer than a restart is UNAVAILABLE, then at once, and found again when it is back', async () => {
    const port = await freePort()
    const stock = stockOf(`127.0.0.1:${port}`)
    const began = Date.now()
    const both = [inTime(7000, look(stock)), inTime(7000, stock.release('o'))]
    await Promise.all(both.map((answer) => expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' })))
    expect(Date.now() - began).toBeGreaterThan(4000)
    await expect(inTime(1500, look(stock))).rejects.toMatchObject({ code: 'UNAVAILABLE' })

    const again = await startShelf({ port })
    onTestFinished(() => again.stop())
    await eventually('an answer', () => look(stock).catch(() => false))
  })

  it('that restarts under load costs no one anything but a wait', async () => {
    const port = await freePort()
    const shelf = await startShelf({ port })
    const stock = stockOf(shelf.address)
    let asking = true
    const asked = Array.from({ length: 16 }, async (_, n) => {
      for (let i = 0; asking || i < 1; i++) {
        await look(stock)
        await stock.hold({ orderId: `${n}.${i}`, items: [{ productId: 'p', quantity: 1 }] })
        await stock.release(`${n}.${i}`)
      }
    })
    await eventually('it is asked', () => (shelf.calls['releaseStock'] ?? 0) > 50)
    shelf.stop() // in the middle of calls
    await new Promise((resolve) => setTimeout(resolve, 2000)) // as long as a restart takes
    const again = await startShelf({ port })
    onTestFinished(() => again.stop())
    await eventually('it is asked again', () => (again.calls['releaseStock'] ?? 0) > 50)
    asking = false
    expect((await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected')).toEqual([])
  })

  it('that is too slow is a TIMEOUT', async () => {
    const shelf = await startShelf()
    shelf.trouble.before = () => new Promise(() => {})
    const stock = stockOf(shelf.address, shelf.stop)
    await expect(look(stock)).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('that is too slow for all who wait keeps none of them longer than 6 s', async () => {
    const shelf = await startShelf()
    shelf.trouble.before = () => new Promise((resolve) => setTimeout(resolve, 3500))
    const stock = stockOf(shelf.address, shelf.stop)
    const holds = Array.from({ length: 5 * 64 }, (_, i) =>
      stock.hold({ orderId: `${i}`, items: [{ productId: 'p', quantity: 1 }] }).then(
        () => 'answered',
        ({ code }: { code: string }) => code,
      ),
    )
    const answers = await inTime(7500, Promise.all(holds))
    expect(new Set(answers)).toEqual(new Set(['answered', 'TIMEOUT']))
  })
})
