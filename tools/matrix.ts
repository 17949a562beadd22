// npm run matrix: asks at every door of a shop as everyone, prints what came back as one table, and ends with 1 when anything
// is not as apps/doors/src/table.ts says. On a shop that it starts and stops again, for it needs a shop with all its locks.
import { matrixOf } from '@halles/security-tests/matrix'
import { matrixReport } from '@halles/security-tests/matrix-report'
import { newPlace } from '@halles/security-tests/place'
import { isPlainError } from '@halles/servers'

const began = performance.now()
const say = (line: string): void =>
  console.log(`  ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}`)

async function main(): Promise<void> {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort())
  const place = await newPlace({ onProgress: say, signal: ending.signal })
  try {
    say('Asking at every door')
    const matrix = await matrixOf(place, ending.signal)
    console.log(`\n${matrixReport(matrix)}`)
    process.exitCode = matrix.mismatches + matrix.gaps.length > 0 ? 1 : 0
  } finally {
    await place.stop()
  }
}

main().catch((error: unknown) => {
  console.error(isPlainError(error) ? error.message : error)
  process.exitCode = 1
})
