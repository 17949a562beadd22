import { newId } from '@halles/service/ids'
import { ownDatabase } from '@halles/testkit/database'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { ledgerOn, misfitsIn, type Ledger } from '../test/ledger.ts'

let here: Ledger
let there: Ledger
beforeAll(async () => {
  const database = ownDatabase(inject('mongodb'), 'product')
  here = await ledgerOn(database)
  there = await ledgerOn(database)
})
// Whatever a test did: stock + what is held = opening stock + adjustments.
afterEach(async () => expect(await misfitsIn(here.db)).toEqual([]))
afterAll(async () => {
  await here.db.dropDatabase()
  await Promise.all([here.close(), there.close()])
})

const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))
const held = { outcome: 'held', shortages: [] }
const count = (answers: { outcome: string }[], outcome: string): number =>
  answers.filter((answer) => answer.outcome === outcome).length

describe('an order', () => {
  it('takes its whole stock', async () => {
    const [a, b] = [await here.put({ stock: 5 }), await here.put({ stock: 2 })]
    const orderId = newId()
    expect(await here.reserve([[a, 3], [b, 2]], orderId)).toEqual({ orderId, ...held }) // prettier-ignore
    expect([await here.stockOf(a), await here.stockOf(b)]).toEqual([2, 0])
  })

  it('takes none of it when one product is short, and is told which', async () => {
    const [a, b] = [await here.put({ stock: 5 }), await here.put({ stock: 2 })]
    expect(
      await here.reserve([
        [a, 3],
        [b, 3],
      ]),
    ).toMatchObject({
      // prettier-ignore
      outcome: 'refused',
      shortages: [{ productId: b, exists: true, available: 2 }],
    })
    expect(await here.stockOf(a)).toBe(5)
  })

  it('cannot have what is archived or was never there', async () => {
    const a = await here.put({ stock: 5 })
    await here.products.archive(a, {}, new Date())
    const shortages = [a, 'no such product'].map((productId) => ({ productId, exists: false, available: 0 }))
    expect(await here.reserve([[a, 1], ['no such product', 1]])).toMatchObject({ outcome: 'refused', shortages }) // prettier-ignore
  })

  it('wants the sum of its lines of one product', async () => {
    const a = await here.put({ stock: 5 })
    expect(await here.reserve([[a, 3], [a, 3]])).toMatchObject({ outcome: 'refused' }) // prettier-ignore
    expect(await here.reserve([[a, 3], [a, 2]])).toMatchObject(held) // prettier-ignore
  })

  it('that asks again changes nothing and is answered the same, even with other lines, one by one or at once', async () => {
    const a = await here.put({ stock: 5 })
    const orderId = newId()
    const answers = [
      await here.reserve([[a, 3]], orderId),
      await here.reserve([[a, 1]], orderId),
      ...(await Promise.all(times(20, (i) => (i % 2 ? here : there).reserve([[a, 3]], orderId)))),
    ]
    expect(answers).toEqual(answers.map(() => ({ orderId, ...held })))
    expect(await here.stockOf(a)).toBe(2)
  })

  it('that many ask for at once, for the first time, is taken once', async () => {
    const a = await here.put({ stock: 50 })
    const orderId = newId()
    const answers = await Promise.all(times(40, (i) => (i % 2 ? here : there).reserve([[a, 3]], orderId)))
    expect(count(answers, 'held')).toBe(40)
    expect(await here.stockOf(a)).toBe(47)
  })

  it('whose caller has stopped waiting is not begun', async () => {
    const a = await here.put({ stock: 5 })
    await expect(here.reserve([[a, 1]], newId(), Date.now() - 1)).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(await here.stockOf(a)).toBe(5)
  })
})

describe('a crowd', () => {
  it('of 200 buys exactly what there is', async () => {
    const a = await here.put({ stock: 150 })
    const others = await Promise.all(times(10, () => here.put({ stock: 1000 })))
    const answers = await Promise.all(times(200, (i) => here.reserve([[a, 1], [others[i % 10]!, 2]]))) // prettier-ignore
    expect(count(answers, 'held')).toBe(150)
    expect(count(answers, 'refused')).toBe(50)
    expect(await here.stockOf(a)).toBe(0)
    const left = await Promise.all(others.map((id) => here.stockOf(id)))
    expect(left.reduce((sum, stock) => sum! + stock!, 0)).toBe(10_000 - 2 * 150)
  })

  it('at two instances at once buys exactly what there is', async () => {
    const [a, b] = [await here.put({ stock: 120 }), await here.put({ stock: 1000 })]
    const answers = await Promise.all(times(200, (i) => (i % 2 ? here : there).reserve([[a, 1], [b, 1]]))) // prettier-ignore
    expect(count(answers, 'held')).toBe(120)
    expect(count(answers, 'refused')).toBe(80)
    expect([await here.stockOf(a), await here.stockOf(b)]).toEqual([0, 880])
  })

  it('never suffers from one of it that wants too much', async () => {
    const a = await here.put({ stock: 60 })
    const answers = await Promise.all(times(60, (i) => here.reserve([[a, i === 7 ? 999 : 1]])))
    expect(answers.filter(({ outcome }) => outcome === 'refused')).toEqual([answers[7]])
    expect(answers[7]!.shortages).toEqual([{ productId: a, exists: true, available: expect.any(Number) }])
    expect(await here.stockOf(a)).toBe(1)
  })

  it('may reserve, release, restock and replace all at once, at two instances', async () => {
    const ids = await Promise.all(times(4, () => here.put({ stock: 40 })))
    const change = { by: 'test', reason: 'delivery', at: new Date() }
    const content = { name: 'Brie', description: null, price: 1, category: 'Fromagerie', image: null }
    await Promise.all(
      times(120, async (i) => {
        const [one, other] = i % 2 ? [here, there] : [there, here]
        const [a, b] = [ids[i % 4]!, ids[(i + 1) % 4]!]
        const { orderId } = await one.reserve([[a, 2], [b, 1]]) // prettier-ignore
        if (i % 3 === 0) await Promise.all([one.release(orderId), other.release(orderId)])
        if (i % 10 === 0) await other.products.adjust(a, 5, change)
        if (i % 30 === 0) await other.products.replace(a, content, {}, 30, change)
      }),
    )
    for (const id of ids) expect(await here.stockOf(id)).toBeGreaterThanOrEqual(0)
  })
})

describe('a release', () => {
  it('gives back once, however often and wherever it is asked', async () => {
    const a = await here.put({ stock: 5 })
    const { orderId } = await here.reserve([[a, 3]])
    const answers = await Promise.all(times(10, (i) => (i % 2 ? here : there).release(orderId)))
    expect(answers.filter(Boolean).length).toBe(1)
    expect(await here.release(orderId)).toBe(false)
    expect(await here.stockOf(a)).toBe(5)
  })

  it('that comes before its order stands in the way of it for good', async () => {
    const a = await here.put({ stock: 5 })
    const orderId = newId()
    expect(await here.release(orderId)).toBe(false)
    const released = { orderId, outcome: 'released', shortages: [] }
    expect(await here.reserve([[a, 1]], orderId)).toEqual(released)
    expect(await there.reserve([[a, 1]], orderId)).toEqual(released)
    expect(await here.stockOf(a)).toBe(5)
  })

  it('that meets its order on the way leaves nothing held, whoever is first', async () => {
    const a = await here.put({ stock: 100 })
    const orders = times(20, () => newId())
    await Promise.all(orders.flatMap((id, i) => [(i % 2 ? here : there).reserve([[a, 1]], id), here.release(id)]))
    expect(await here.stockOf(a)).toBe(100)
    const again = await Promise.all(orders.map((id) => here.reserve([[a, 1]], id)))
    expect(count(again, 'released')).toBe(20)
  })

  it('gives back to an archived product too, as what comes back is counted', async () => {
    const a = await here.put({ stock: 5 })
    const { orderId } = await here.reserve([[a, 3]])
    await here.products.archive(a, {}, new Date())
    expect(await here.release(orderId)).toBe(true)
    expect(await here.stockOf(a)).toBe(5)
  })
})
