// npm run torture: the whole shop under buyers and faults, and then whether all holds that must. Exit 1 when something does not.
//   npm run torture                                             40 buyers for 60 s, with a seed of its own
//   npm run torture -- --buyers 40 --seconds 60 --seed 7        what a failing run printed, to see it again
//   npm run torture -- --plant no-guard                         with a bug in it, to see it found
import path from 'node:path'
import { parseArgs } from 'node:util'
import { isPlainError, plainError } from '@halles/servers'
import { plants, torture, type PlantName, type Wish } from '@halles/chaos'
import { reportOf } from '@halles/chaos/report'
import { root } from './generated.ts'

const began = performance.now()
const ending = new AbortController()

function wishes(): Pick<Wish, 'buyers' | 'seconds' | 'seed' | 'plants'> {
  const { values } = parseArgs({
    options: {
      buyers: { type: 'string', default: '40' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      plant: { type: 'string', multiple: true, default: [] },
    },
  })
  const number = (name: 'buyers' | 'seconds' | 'seed', low: number, high: number): number => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value >= low && value <= high) return value
    throw plainError(`--${name} needs a whole number from ${low} to ${high}.`)
  }
  const unknown = values.plant.find((name) => !Object.hasOwn(plants, name))
  if (unknown !== undefined)
    throw plainError(`There is no bug "${unknown}" to plant: ${Object.keys(plants).join(', ')} are known.`)
  return {
    buyers: number('buyers', 1, 500),
    // Access tokens end after 15 minutes, and a run with them.
    seconds: number('seconds', 1, 600),
    seed: number('seed', 0, 2 ** 32),
    plants: values.plant as PlantName[],
  }
}

async function main(): Promise<void> {
  let asked = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      // A terminal, npm and run.mjs may each pass on one and the same Ctrl-C.
      if (asked > 0 && performance.now() - asked > 1000) process.exit(130)
      if (asked === 0) console.log('\nStopping; Ctrl-C again to end at once.')
      asked ||= performance.now()
      ending.abort(plainError('Stopped.'))
    })
  const wish = wishes()
  const result = await torture({
    ...wish,
    keep: path.join(root, 'reports', 'torture'),
    onProgress: (line) => console.log(`  ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}`),
    signal: ending.signal,
  })
  console.log(reportOf(result))
  process.exit(result.findings.length > 0 ? 1 : 0)
}

main().catch((error: unknown) => {
  console.error(isPlainError(error) ? error.message : error)
  process.exit(1)
})
