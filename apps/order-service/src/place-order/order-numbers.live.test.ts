import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { openStores, type Stores } from '../../test/stores.ts'

let stores: Stores[]
beforeAll(async () => {
  const first = await openStores(inject('mongodb'))
  stores = [first, await openStores(inject('mongodb'), first.database)]
})
afterAll(() => Promise.all(stores.map(({ close }) => close())))

it('createOrderNumbers takes each number once, whichever instance takes it', async () => {
  const numbers = await Promise.all(Array.from({ length: 1000 }, (_, i) => stores[i % 2]!.takeNumber()))
  expect(new Set(numbers).size).toBe(1000)
  expect(numbers.every((number) => /^[1-9]\d*$/.test(number))).toBe(true)
})
