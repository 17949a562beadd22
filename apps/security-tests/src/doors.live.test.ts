import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest'
import { attackReport, harmOf } from './attack-report.ts'
import { attackOn } from './attacks.ts'
import { placesOfSecrets, secretsOf } from './logs.ts'
import { matrixReport } from './matrix-report.ts'
import { matrixOf } from './matrix.ts'
import { newPlace } from './place.ts'

let shop: Awaited<ReturnType<typeof newPlace>>
beforeAll(async () => {
  shop = await newPlace({ onProgress: (line) => console.log(line) })
})
afterAll(() => shop?.stop())

it('every door lets in whom the table says, and no one else', async () => {
  const matrix = await matrixOf(shop)
  onTestFailed(() => console.log(matrixReport(matrix)))
  expect(matrix.gaps).toEqual([])
  expect(matrix.mismatches).toBe(0)
  // A matrix of nothing proves nothing.
  expect(matrix.cells).toBeGreaterThan(2000)
})

it('every attack is refused, by services that stay well', async () => {
  const attacked = await attackOn(shop)
  onTestFailed(() => console.log(attackReport(attacked)))
  expect(harmOf(attacked)).toEqual([])
  expect(attacked.results.length).toBeGreaterThan(900)
})

it('after all that no log tells of people, passwords or tokens', async () => {
  expect(await placesOfSecrets(shop.logs, secretsOf(shop))).toEqual([])
})
