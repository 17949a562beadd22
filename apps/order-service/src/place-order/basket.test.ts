import { createParser } from '@halles/validation/schema'
import { describe, expect, it } from 'vitest'
import { checkDecimals, mergeLines, PlaceOrderInput, priceLines, toFingerprint, toReservationError } from './basket.ts'

/** Runs what should throw an AppError, and returns that error. */
const thrownBy = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return error as { code: string; errors?: { path: string }[] }
  }
  throw new Error('nothing was thrown')
}

describe('PlaceOrderInput', () => {
  const parse = createParser(PlaceOrderInput)
  const line = { productId: 'p', quantity: 1 }

  it.each([
    ['no lines', { items: [] }, '/items'],
    ['101 lines', { items: Array.from({ length: 101 }, () => line) }, '/items'],
    ['quantity 0', { items: [{ ...line, quantity: 0 }] }, '/items/0/quantity'],
    ['quantity 1000', { items: [line, { ...line, quantity: 1000 }] }, '/items/1/quantity'],
    ['a fractional quantity', { items: [{ ...line, quantity: 0.5 }] }, '/items/0/quantity'],
    ['a price', { items: [{ ...line, price: 0.01 }] }, '/items/0/price'],
    ['a total', { items: [line], total: 1 }, '/total'],
    ['a user id', { items: [line], userId: 'x' }, '/userId'],
    ['a negative expected total', { items: [line], expectedTotal: -1 }, '/expectedTotal'],
  ])('rejects an input with %s', (_what, input, path) => {
    const { code, errors } = thrownBy(() => parse(input))
    expect(code).toBe('VALIDATION_FAILED')
    expect(errors?.map((error) => error.path)).toContain(path)
  })

  it('accepts 100 lines of 999', () => {
    const items = Array.from({ length: 100 }, (_, i) => ({ productId: `p${i}`, quantity: 999 }))
    expect(mergeLines(parse({ items }).items)).toHaveLength(100)
  })
})

describe('mergeLines', () => {
  it('sums the lines of one product into one, at the position of the first', () => {
    const items = [
      { productId: 'a', quantity: 1 },
      { productId: 'b', quantity: 2 },
      { productId: 'a', quantity: 3 },
    ]
    expect(mergeLines(items)).toEqual([
      { productId: 'a', quantity: 4, index: 0 },
      { productId: 'b', quantity: 2, index: 1 },
    ])
  })

  it('rejects more than 999 of one product in all', () => {
    const items = [
      { productId: 'b', quantity: 1 },
      { productId: 'a', quantity: 600 },
      { productId: 'a', quantity: 400 },
    ]
    expect(thrownBy(() => mergeLines(items))).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ path: '/items/1/quantity' }],
    })
  })
})

describe('toFingerprint', () => {
  it('is equal for the same products and quantities, in whatever order and lines they are written', () => {
    const basket = (...pairs: [string, number][]) =>
      toFingerprint(mergeLines(pairs.map(([productId, quantity]) => ({ productId, quantity }))))
    expect(basket(['a', 1], ['b', 2], ['a', 3])).toBe(basket(['b', 2], ['a', 4]))
    expect(basket(['a', 1])).not.toBe(basket(['a', 2]))
    expect(basket(['a', 1])).not.toBe(basket(['b', 1]))
    expect(basket(['a', 1], ['b', 1])).not.toBe(basket(['a', 1]))
  })
})

describe('priceLines', () => {
  const lines = mergeLines([
    { productId: 'a', quantity: 2 },
    { productId: 'b', quantity: 1 },
    { productId: 'a', quantity: 1 },
  ])
  const a = { available: 3, product: { name: 'Comté', price: 0.1 } }
  const b = { available: 1, product: { name: 'Brie', price: 9.05 } }

  it('gives each line the name and price of product-service', () => {
    expect(priceLines(lines, [a, b])).toEqual([
      { productId: 'a', name: 'Comté', quantity: 3, price: 0.1 },
      { productId: 'b', name: 'Brie', quantity: 1, price: 9.05 },
    ])
  })

  it('throws INSUFFICIENT_STOCK that names each product with too little stock', () => {
    expect(
      thrownBy(() =>
        priceLines(lines, [
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

  it('throws PRODUCT_UNAVAILABLE that names each product not on sale, before any with too little stock', () => {
    expect(thrownBy(() => priceLines(lines, [{ ...a, available: 0 }, { available: 0 }]))).toMatchObject({
      code: 'PRODUCT_UNAVAILABLE',
      errors: [{ path: '/items/1/productId', productId: 'b' }],
    })
  })

  it.each([9.35, 9.350000000000001])('accepts the expected total %d when it is the total', (expected) => {
    expect(priceLines(lines, [a, b], expected)).toHaveLength(2)
  })

  it.each([9.34, 9.36, 0, 1e12])('throws PRICE_CHANGED with the new prices when %d was expected', (expected) => {
    expect(thrownBy(() => priceLines(lines, [a, b], expected))).toMatchObject({
      code: 'PRICE_CHANGED',
      errors: [
        { path: '/items/0/productId', productId: 'a', price: 0.1 },
        { path: '/items/1/productId', productId: 'b', price: 9.05 },
      ],
    })
  })

  it('checkDecimals rejects an expected total of three decimals, and accepts two', () => {
    expect(thrownBy(() => checkDecimals({ items: [], expectedTotal: 9.345 }))).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ path: '/expectedTotal' }],
    })
    for (const expectedTotal of [undefined, 0, 9.35, 9.350000000000001, 99_899_999_001])
      expect(() => checkDecimals({ items: [], ...(expectedTotal !== undefined && { expectedTotal }) })).not.toThrow()
  })

  it('accepts the largest possible total', () => {
    const lines = Array.from({ length: 100 }, (_, i) => ({ productId: `p${i}`, quantity: 999, index: i }))
    const stock = lines.map(() => ({ available: 999, product: { name: 'Or', price: 999_999.99 } }))
    expect(priceLines(lines, stock, 99_899_999_001)).toHaveLength(100)
  })

  it('toReservationError points at the lines of the customer’s input', () => {
    const shortages = [{ productId: 'b', exists: false, available: 0 }]
    expect(toReservationError(lines, { outcome: 'refused', shortages })).toMatchObject({
      code: 'PRODUCT_UNAVAILABLE',
      errors: [{ path: '/items/1/productId', productId: 'b' }],
    })
  })
})
