import { reader } from '@halles/service/schema'
import { describe, expect, it } from 'vitest'
import { checkDecimals, digestOf, holdRefusal, PlaceOrder, priced, summed } from './basket.ts'

const refusal = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return error as { code: string; errors?: { path: string }[] }
  }
  throw new Error('not refused')
}

describe('a wish', () => {
  const read = reader(PlaceOrder)
  const line = { productId: 'p', quantity: 1 }

  it.each([
    ['no lines', { items: [] }, '/items'],
    ['101 lines', { items: Array.from({ length: 101 }, () => line) }, '/items'],
    ['quantity 0', { items: [{ ...line, quantity: 0 }] }, '/items/0/quantity'],
    ['quantity 1000', { items: [line, { ...line, quantity: 1000 }] }, '/items/1/quantity'],
    ['half a piece', { items: [{ ...line, quantity: 0.5 }] }, '/items/0/quantity'],
    ['a price of its own', { items: [{ ...line, price: 0.01 }] }, '/items/0/price'],
    ['a total of its own', { items: [line], total: 1 }, '/total'],
    ['someone else’s id', { items: [line], userId: 'x' }, '/userId'],
    ['a negative expectation', { items: [line], expectedTotal: -1 }, '/expectedTotal'],
  ])('may not have %s', (_what, wish, path) => {
    const { code, errors } = refusal(() => read(wish))
    expect(code).toBe('VALIDATION_FAILED')
    expect(errors?.map((fault) => fault.path)).toContain(path)
  })

  it('may have 100 lines of 999', () => {
    const items = Array.from({ length: 100 }, (_, i) => ({ productId: `p${i}`, quantity: 999 }))
    expect(summed(read({ items }).items)).toHaveLength(100)
  })
})

describe('lines', () => {
  it('of one product are summed into one, where it first stood', () => {
    const items = [
      { productId: 'a', quantity: 1 },
      { productId: 'b', quantity: 2 },
      { productId: 'a', quantity: 3 },
    ]
    expect(summed(items)).toEqual([
      { productId: 'a', quantity: 4, at: 0 },
      { productId: 'b', quantity: 2, at: 1 },
    ])
  })

  it('of one product are at most 999 in all', () => {
    const items = [
      { productId: 'b', quantity: 1 },
      { productId: 'a', quantity: 600 },
      { productId: 'a', quantity: 400 },
    ]
    expect(refusal(() => summed(items))).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ path: '/items/1/quantity' }],
    })
  })

  it('are one basket however they are written', () => {
    const basket = (...pairs: [string, number][]) =>
      digestOf(summed(pairs.map(([productId, quantity]) => ({ productId, quantity }))))
    expect(basket(['a', 1], ['b', 2], ['a', 3])).toBe(basket(['b', 2], ['a', 4]))
    expect(basket(['a', 1])).not.toBe(basket(['a', 2]))
    expect(basket(['a', 1])).not.toBe(basket(['b', 1]))
    expect(basket(['a', 1], ['b', 1])).not.toBe(basket(['a', 1]))
  })
})

describe('pricing', () => {
  const lines = summed([
    { productId: 'a', quantity: 2 },
    { productId: 'b', quantity: 1 },
    { productId: 'a', quantity: 1 },
  ])
  const a = { available: 3, product: { name: 'Comté', price: 0.1 } }
  const b = { available: 1, product: { name: 'Brie', price: 9.05 } }

  it('takes name and price from the shelf', () => {
    expect(priced(lines, [a, b])).toEqual([
      { productId: 'a', name: 'Comté', quantity: 3, price: 0.1 },
      { productId: 'b', name: 'Brie', quantity: 1, price: 9.05 },
    ])
  })

  it('names each product that there is too little of', () => {
    expect(
      refusal(() =>
        priced(lines, [
          { ...a, available: 2 },
          { ...b, available: 0 },
        ]),
      ),
    ).toMatchObject({
      code: 'INSUFFICIENT_STOCK',
      errors: [
        { path: '/items/0/productId', productId: 'a', available: 2 },
        { path: '/items/1/productId', productId: 'b', available: 0 },
      ],
    })
  })

  it('names each product that is not on sale, before any that is short', () => {
    expect(refusal(() => priced(lines, [{ ...a, available: 0 }, { available: 0 }]))).toMatchObject({
      code: 'PRODUCT_UNAVAILABLE',
      errors: [{ path: '/items/1/productId', productId: 'b' }],
    })
  })

  it.each([9.35, 9.350000000000001])('takes an expected total that fits: %d', (expected) => {
    expect(priced(lines, [a, b], expected)).toHaveLength(2)
  })

  it.each([9.34, 9.36, 0, 1e12])('names the new prices when %d was expected', (expected) => {
    expect(refusal(() => priced(lines, [a, b], expected))).toMatchObject({
      code: 'PRICE_CHANGED',
      errors: [
        { path: '/items/0/productId', productId: 'a', price: 0.1 },
        { path: '/items/1/productId', productId: 'b', price: 9.05 },
      ],
    })
  })

  it('does not take a total of three decimals', () => {
    expect(refusal(() => checkDecimals({ items: [], expectedTotal: 9.345 }))).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ path: '/expectedTotal' }],
    })
    for (const expectedTotal of [undefined, 0, 9.35, 9.350000000000001, 99_899_999_001])
      expect(() => checkDecimals({ items: [], ...(expectedTotal !== undefined && { expectedTotal }) })).not.toThrow()
  })

  it('takes the largest total there is', () => {
    const most = Array.from({ length: 100 }, (_, i) => ({ productId: `p${i}`, quantity: 999, at: i }))
    const shelf = most.map(() => ({ available: 999, product: { name: 'Or', price: 999_999.99 } }))
    expect(priced(most, shelf, 99_899_999_001)).toHaveLength(100)
  })

  it('tells what could not be held in the customer’s own lines', () => {
    const shortages = [{ productId: 'b', exists: false, available: 0 }]
    expect(holdRefusal(lines, { outcome: 'refused', shortages })).toMatchObject({
      code: 'PRODUCT_UNAVAILABLE',
      errors: [{ path: '/items/1/productId', productId: 'b' }],
    })
  })
})
