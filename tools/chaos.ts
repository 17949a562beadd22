// npm run chaos: starts a shop, puts it under load, injects faults and checks the invariants. Exits 1 on a violation.
//   npm run chaos                                             40 buyers for 60 s, with a random seed
//   npm run chaos -- --buyers 40 --seconds 60 --seed 7        repeats the run that a report names
//   npm run chaos -- --seeded-bug publish-before-commit       with a seeded bug, which must be found
//   npm run chaos -- --no-replicas                            one mongod and one broker: starts faster
//   npm run chaos -- --minutes 30 --plot memory.svg           a soak test: memory, handles and collections must stay flat
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { isUserError, userError } from '@halles/test-servers'
import { runChaos, seededBugs, type ChaosOptions, type SeededBugName } from '@halles/chaos'
import { plotMemory } from '@halles/chaos/plot'
import { formatReport } from '@halles/chaos/report'
import { root } from './workspace.ts'

const began = performance.now()
const aborting = new AbortController()

type Options = Pick<ChaosOptions, 'buyers' | 'seconds' | 'seed' | 'seededBugs' | 'soak' | 'replicas'> & {
  /** The file for the plot of a soak test. */
  plot: string | undefined
}

function parseOptions(): Options {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      buyers: { type: 'string', default: '40' },
      seconds: { type: 'string', default: '60' },
      minutes: { type: 'string', default: '0' },
      plot: { type: 'string' },
      replicas: { type: 'boolean', default: true },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      'seeded-bug': { type: 'string', multiple: true, default: [] },
    },
  })
  const parseInteger = (name: 'buyers' | 'seconds' | 'minutes' | 'seed', low: number, high: number): number => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value >= low && value <= high) return value
    throw userError(`--${name} must be an integer from ${low} to ${high}.`)
  }
  const unknown = values['seeded-bug'].find((name) => !Object.hasOwn(seededBugs, name))
  if (unknown !== undefined)
    throw userError(`Unknown seeded bug "${unknown}". Known are: ${Object.keys(seededBugs).join(', ')}.`)
  const minutes = parseInteger('minutes', 0, 600)
  if (values.plot !== undefined && minutes === 0) throw userError('--plot draws a soak test: add --minutes.')
  return {
    buyers: parseInteger('buyers', 1, 500),
    seconds: minutes > 0 ? minutes * 60 : parseInteger('seconds', 1, 600),
    soak: minutes > 0,
    replicas: values.replicas,
    plot: values.plot,
    seed: parseInteger('seed', 0, 2 ** 32),
    seededBugs: values['seeded-bug'] as SeededBugName[],
  }
}

async function main(): Promise<void> {
  let interruptedAt = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      // One Ctrl-C may arrive several times: from the terminal, from npm and from run.mjs.
      if (interruptedAt > 0 && performance.now() - interruptedAt > 1000) process.exit(130)
      if (interruptedAt === 0) console.log('\nStopping; press Ctrl-C again to exit at once.')
      interruptedAt ||= performance.now()
      aborting.abort(userError('Stopped.'))
    })
  const { plot, ...options } = parseOptions()
  const result = await runChaos({
    ...options,
    artifactsFolder: path.join(root, 'reports', 'chaos'),
    onProgress: (line) => console.log(`  ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}`),
    signal: aborting.signal,
  })
  console.log(formatReport(result))
  if (plot !== undefined) {
    await mkdir(path.dirname(path.resolve(plot)), { recursive: true })
    const title = `Resident memory of the services in ${options.seconds / 60} minutes of load and faults`
    await writeFile(plot, plotMemory(result.samples, result.services, title))
    console.log(`The plot is in ${plot}.`)
  }
  process.exit(result.violations.length > 0 ? 1 : 0)
}

main().catch((error: unknown) => {
  console.error(isUserError(error) ? error.message : error)
  process.exit(1)
})
