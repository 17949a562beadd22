// npm run reconcile: compares what the services have written down, and says what does not add up.
//   npm run reconcile                                              the shop that runs here
//   npm run reconcile -- --mongodb URL --kafka HOST:PORT           any other; KAFKA_SASL_… and KAFKA_TLS… as for services
// Ends with 0 when all is well, 1 when something is not, 2 when the books could not be read.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { differencesIn, noticesIn, readBooks, rules, type Addresses, type Books, type Difference } from '@halles/audit'
import { accessOf, dependencies, KafkaAccess, readConfig, type Access } from '@halles/service/config'
import { Type } from 'typebox'

/** How old something must be to be complete by now, in milliseconds: what the contract promises. */
const SETTLED_AFTER = 60_000
/** How many differences are shown. */
const MOST = 50

async function main(): Promise<void> {
  const addresses = wishes()
  const began = performance.now()
  const books = await readBooks(addresses).catch((error: Error) => giveUp(`${error.message}.`))
  console.log(`Read in ${((performance.now() - began) / 1000).toFixed(1)} s: ${countsOf(books)}.`)
  for (const notice of noticesIn(books)) console.log(`  ${notice}`)

  const differences = differencesIn(books, { asOf: new Date(books.readAt.getTime() - SETTLED_AFTER) })
  const where = `${books.orders.length} orders of ${books.products.length} products`
  if (differences.length === 0) return console.log(`reconcile: no differences in ${where}`)
  console.log(`\n${table(differences.slice(0, MOST))}`)
  if (differences.length > MOST) console.log(`… and ${differences.length - MOST} more`)
  console.log()
  for (const { name, why } of rules) if (differences.some(({ rule }) => rule === name)) console.log(`${name}: ${why}`)
  console.log(`\nreconcile: ${differences.length} difference${differences.length === 1 ? '' : 's'} in ${where}`)
  process.exitCode = 1
}

/** Where the books are, by the command line or by what runs here. */
function wishes(): Addresses {
  const { values, positionals } = parseArgs({
    options: { mongodb: { type: 'string' }, kafka: { type: 'string' } },
    allowPositionals: true,
    strict: false,
  })
  const [unknown] = [...Object.keys(values).filter((name) => !['mongodb', 'kafka'].includes(name)), ...positionals]
  if (unknown) giveUp(`There is no "${unknown}" here: -- --mongodb URL --kafka HOST:PORT are known.`)
  const { mongodb, kafka } = values
  if (typeof mongodb === 'string' && typeof kafka === 'string') return { mongodb, kafka, access: kafkaAccess() }
  if (mongodb !== undefined || kafka !== undefined) giveUp('--mongodb URL and --kafka HOST:PORT go together.')
  const running = path.resolve(import.meta.dirname, '..', '.data', 'running.json')
  if (!existsSync(running))
    giveUp('No shop runs here: npm start, or say where one is: -- --mongodb URL --kafka HOST:PORT.')
  return JSON.parse(readFileSync(running, 'utf8')) as Addresses
}

/** How to get into Kafka, by the same variables that services have. */
function kafkaAccess(): Access {
  try {
    return accessOf(readConfig(Type.Object(KafkaAccess, { dependencies }), process.env))
  } catch (error) {
    return giveUp((error as Error).message)
  }
}

const countsOf = ({ products, movements, reservations, orders, letters, events, deadLetters }: Books): string =>
  Object.entries({ products, movements, reservations, orders, letters, events, 'dead letters': deadLetters })
    .map(([what, { length }]) => `${length} ${what}`)
    .join(', ')

function table(differences: Difference[]): string {
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

/** Ends here: nothing can be said about the books. */
function giveUp(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}

main().catch((error: unknown) => giveUp(String(error instanceof Error ? error.stack : error)))
