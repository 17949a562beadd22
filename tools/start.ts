// npm start: the whole shop, until Ctrl-C.
//   npm start                     with the data of the last time, in .data/
//   npm start -- --reset          with new data
//   npm start -- --port 4000      with the gateway on this port or not at all
import path from 'node:path'
import { parseArgs } from 'node:util'
import { isPlainError, plainError } from '@halles/servers'
import { startShop, type Running, type Shop } from '@halles/servers/shop'

const dataDir = path.resolve(import.meta.dirname, '..', '.data')
const began = performance.now()
const seconds = (): string => ((performance.now() - began) / 1000).toFixed(1)

/** The end, however it comes: everything is stopped once, and a second Ctrl-C a moment later is impatience. */
const ending = new AbortController()
let shop: Shop | undefined
let asked = 0

function end(): void {
  const now = performance.now()
  // A terminal, npm and run.mjs may each pass on one and the same Ctrl-C.
  if (asked > 0 && now - asked < 1_000) return
  if (asked > 0) {
    console.log('Ending at once.')
    shop?.abort()
    setTimeout(() => process.exit(130), 500)
    return
  }
  asked = now
  console.log('\nStopping; Ctrl-C again to end at once.')
  ending.abort()
}

async function main(): Promise<void> {
  const { reset, port } = wishes()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  const crash = Promise.withResolvers<string>()
  const ended = new Promise<undefined>((resolve) => ending.signal.addEventListener('abort', () => resolve(undefined)))

  shop = await startShop({
    dataDir,
    reset,
    gatewayPort: port,
    onProgress: (line) => console.log(`  ${seconds().padStart(5)} s  ${line}`),
    onCrash: crash.resolve,
    signal: ending.signal,
  })
  console.log(table(shop.running))
  console.log(`\nready in ${seconds()} s`)

  const crashed = await Promise.race([crash.promise, ended])
  if (crashed !== undefined) console.error(`\n${crashed}\n\nStopping, because the shop is not whole any more.`)
  await shop.stop()
  console.log('Stopped.')
  process.exit(crashed === undefined ? 0 : 1)
}

/** What the command line asks for; throws a plain error about anything else. */
function wishes(): { reset: boolean; port: number | undefined } {
  const { values, positionals } = parseArgs({
    options: { reset: { type: 'boolean', default: false }, port: { type: 'string' } },
    allowPositionals: true,
    strict: false,
  })
  const unknown = [...Object.keys(values).filter((name) => name !== 'reset' && name !== 'port'), ...positionals]
  if (unknown.length > 0) throw plainError(`There is no "${unknown[0]}" here: -- --reset and -- --port 4000 are known.`)
  if (values.port === undefined) return { reset: values.reset === true, port: undefined }
  const port = Number(values.port)
  if (!(Number.isInteger(port) && port > 0 && port < 65_536)) throw plainError('--port needs a number from 1 to 65535.')
  return { reset: values.reset === true, port }
}

function table({
  gateway,
  services,
  productGrpc,
  mongodb,
  kafka,
  smtp,
  mailbox,
  storefront,
  accounts,
}: Running): string {
  const rows = [
    ['Storefront', storefront],
    ['GraphQL', `${gateway}/graphql`],
    ['REST', `${gateway}/api`],
    ['Mailbox', mailbox],
    ...Object.entries(services).map(([name, url]) => [`${name}-service`, url]),
    ['product gRPC', productGrpc],
    ['MongoDB', mongodb],
    ['Kafka', kafka],
    ['SMTP', smtp],
    ['Logs', path.join(path.relative(process.cwd(), dataDir), 'logs')],
    ['Customer', `${accounts.customer.email}  ${accounts.customer.password}`],
    ['Admin', `${accounts.admin.email}  ${accounts.admin.password}`],
  ]
  return `\n${rows.map(([name = '', value]) => `  ${name.padEnd(21)} ${value}`).join('\n')}`
}

main().catch((error: unknown) => {
  if (ending.signal.aborted) {
    console.log('Stopped.')
    process.exit(0)
  }
  console.error(isPlainError(error) ? `\n${error.message}` : error)
  process.exit(1)
})
