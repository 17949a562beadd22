// npm run matrix: checks the authorization matrix on a shop that it starts and stops, and prints the observed outcomes as a
// table. Exits 1 on a mismatch or a gap. It always starts a shop, as it must know the secrets of its services.
import { checkMatrix } from '@halles/security-tests/authorization/check-matrix'
import { formatMatrixReport } from '@halles/security-tests/authorization/matrix-report'
import { startShopUnderTest } from '@halles/security-tests/shop-under-test'
import { isUserError } from '@halles/test-servers'

const began = performance.now()
const onProgress = (line: string): void =>
  console.log(`  ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}`)

async function main(): Promise<void> {
  const aborting = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => aborting.abort())
  const shop = await startShopUnderTest({ onProgress, signal: aborting.signal })
  try {
    onProgress('Sending the requests of the authorization matrix')
    const result = await checkMatrix(shop, aborting.signal)
    console.log(`\n${formatMatrixReport(result)}`)
    process.exitCode = result.mismatches + result.gaps.length > 0 ? 1 : 0
  } finally {
    await shop.stop()
  }
}

main().catch((error: unknown) => {
  console.error(isUserError(error) ? error.message : error)
  process.exitCode = 1
})
