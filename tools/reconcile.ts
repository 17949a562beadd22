// npm run reconcile: compares the data of all services and the topics, and reports inconsistencies.
//   npm run reconcile                                              the shop that runs on this machine
//   npm run reconcile -- --mongodb URL --kafka HOST:PORT           any other; KAFKA_SASL_… and KAFKA_TLS… as in services
// The exit code is 0 without differences, 1 with differences, 2 when the data could not be read.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import {
  findDifferences,
  listNotices,
  readSnapshot,
  rules,
  type Addresses,
  type Difference,
  type Snapshot,
} from '@halles/reconciliation'
import {
  kafkaCredentials,
  settingsRequiredTogether,
  KafkaCredentialSettings,
  readConfig,
  type KafkaCredentials,
} from '@halles/config/config'
import { Type } from 'typebox'

/** Operations that are older than this must be complete, in milliseconds: the limit of the contract. */
const SETTLED_AFTER = 60_000
/** The maximum number of differences to print. */
const MAX_PRINTED = 50

async function main(): Promise<void> {
  const addresses = parseOptions()
  const startedAt = performance.now()
  const snapshot = await readSnapshot(addresses).catch((error: Error) => fail(`${error.message}.`))
  console.log(`Read in ${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${formatCounts(snapshot)}.`)
  for (const notice of listNotices(snapshot)) console.log(`  ${notice}`)

  const differences = findDifferences(snapshot, { asOf: new Date(snapshot.readAt.getTime() - SETTLED_AFTER) })
  const scope = `${snapshot.orders.length} orders of ${snapshot.products.length} products`
  if (differences.length === 0) return console.log(`reconcile: no differences in ${scope}`)
  console.log(`\n${formatTable(differences.slice(0, MAX_PRINTED))}`)
  if (differences.length > MAX_PRINTED) console.log(`… and ${differences.length - MAX_PRINTED} more`)
  console.log()
  for (const { name, why } of rules) if (differences.some(({ rule }) => rule === name)) console.log(`${name}: ${why}`)
  console.log(`\nreconcile: ${differences.length} difference${differences.length === 1 ? '' : 's'} in ${scope}`)
  process.exitCode = 1
}

/** The addresses of MongoDB and Kafka, from the command line or from the shop that runs on this machine. */
function parseOptions(): Addresses {
  const { values, positionals } = parseArgs({
    options: { mongodb: { type: 'string' }, kafka: { type: 'string' } },
    allowPositionals: true,
    strict: false,
  })
  const [unknown] = [...Object.keys(values).filter((name) => !['mongodb', 'kafka'].includes(name)), ...positionals]
  if (unknown) fail(`There is no "${unknown}" option. Known: -- --mongodb URL --kafka HOST:PORT.`)
  const { mongodb, kafka } = values
  if (typeof mongodb === 'string' && typeof kafka === 'string') return { mongodb, kafka, access: kafkaAccess() }
  if (mongodb !== undefined || kafka !== undefined) fail('--mongodb URL and --kafka HOST:PORT must be given together.')
  const running = path.resolve(import.meta.dirname, '..', '.data', 'running.json')
  if (!existsSync(running))
    fail(
      'No shop runs on this machine: start one by npm start, or give its addresses: -- --mongodb URL --kafka HOST:PORT.',
    )
  return JSON.parse(readFileSync(running, 'utf8')) as Addresses
}

/** The credentials for Kafka, from the same environment variables as in services. */
function kafkaAccess(): KafkaCredentials {
  try {
    return kafkaCredentials(
      readConfig(Type.Object(KafkaCredentialSettings, { dependencies: settingsRequiredTogether }), process.env),
    )
  } catch (error) {
    return fail((error as Error).message)
  }
}

const formatCounts = ({ products, movements, reservations, orders, emails, events, deadLetters }: Snapshot): string =>
  Object.entries({ products, movements, reservations, orders, 'e-mails': emails, events, 'dead letters': deadLetters })
    .map(([what, { length }]) => `${length} ${what}`)
    .join(', ')

function formatTable(differences: Difference[]): string {
  const columns = ['rule', 'subject', 'expected', 'found'] as const
  const rows = [Object.fromEntries(columns.map((name) => [name, name.toUpperCase()])) as Difference, ...differences]
  const widths = columns.map((name) => Math.max(...rows.map((row) => row[name].length)))
  return rows
    .map((row) =>
      columns
        .map((name, i) => row[name].padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Prints the sentence and exits with 2: the data could not be read. */
function fail(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}

main().catch((error: unknown) => fail(String(error instanceof Error ? error.stack : error)))
