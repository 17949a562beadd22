import { expect, it } from 'vitest'
import { sumCents, toCents, toEuros } from './money.ts'

it('toCents rounds binary fractions to the nearest cent', () => {
  expect([0.1, 0.29, 1.15, 19.99, 999_999.99].map(toCents)).toEqual([10, 29, 115, 1999, 99_999_999])
})

it('toEuros is the inverse of toCents for amounts with two decimals', () => {
  for (let cents = 0; cents <= 100_000; cents += 7) expect(toCents(toEuros(cents))).toBe(cents)
})

it('sumCents adds in whole cents, so that a total is exact', () => {
  expect(
    sumCents([
      { price: 0.1, quantity: 3 },
      { price: 19.99, quantity: 2 },
    ]),
  ).toBe(4028)
  expect(sumCents([])).toBe(0)
})
