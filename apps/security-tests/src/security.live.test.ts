import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import { formatAttackReport, listFailures } from './attacks/attack-report.ts'
import { runAttacks } from './attacks/run-attacks.ts'
import { checkMatrix } from './authorization/check-matrix.ts'
import { formatMatrixReport } from './authorization/matrix-report.ts'
import { findLogLeaks, knownSecrets } from './log-leaks.ts'
import { startShopUnderTest } from './shop-under-test.ts'

let shop: Awaited<ReturnType<typeof startShopUnderTest>>
beforeAll(async () => {
  shop = await startShopUnderTest({ onProgress: (line) => console.log(line) })
})
afterAll(() => shop?.stop())

describe('a running shop', () => {
  it('authorizes each caller at each endpoint exactly as the authorization matrix says', async () => {
    const result = await checkMatrix(shop)
    onTestFailed(() => console.log(formatMatrixReport(result)))
    expect(result.gaps).toEqual([])
    expect(result.mismatches).toBe(0)
    // A check of an empty matrix would prove nothing.
    expect(result.cells).toBeGreaterThan(2000)
  })

  it('rejects every attack, and its services stay responsive', async () => {
    const run = await runAttacks(shop)
    onTestFailed(() => console.log(formatAttackReport(run)))
    expect(listFailures(run)).toEqual([])
    expect(run.results.length).toBeGreaterThan(900)
  })

  it('has logged no personal data, password or token during these tests', async () => {
    expect(await findLogLeaks(shop.logs, knownSecrets(shop))).toEqual([])
  })
})
