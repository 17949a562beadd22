// npm start: runs the whole shop until Ctrl-C.
//   npm start                     keeps its data in .data/
//   npm start -- --reset          removes the data first
//   npm start -- --port 4000      the port of the gateway; an error when it is taken
import path from 'node:path'
import { parseArgs } from 'node:util'
import { isUserError, userError } from '@halles/test-servers'
import { startShop, type ShopAddresses, type Shop } from '@halles/dev-shop'

const dataDir = path.resolve(import.meta.dirname, '..', '.data')
const startedAt = performance.now()
const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(1)

/** Aborted by the first signal: the shop stops. A second signal at least a second later kills everything. */
const stopping = new AbortController()
let shop: Shop | undefined
let stopRequestedAt = 0

function requestStop(): void {
  const now = performance.now()
  // The terminal, npm and run.mjs may each deliver the same Ctrl-C.
  if (stopRequestedAt > 0 && now - stopRequestedAt < 1_000) return
  if (stopRequestedAt > 0) {
    console.log('Killing all processes.')
    shop?.abort()
    setTimeout(() => process.exit(130), 500)
    return
  }
  stopRequestedAt = now
  console.log('\nStopping. Press Ctrl-C again to kill all processes.')
  stopping.abort()
}

/** The gateway's default limits, which a person does not reach. Tests and benchmarks, which share one address, have none. */
const gatewayLimits = { RATE_LIMIT: '30000', MAX_OPEN_REQUESTS: '100' }

async function main(): Promise<void> {
  const { reset, port } = parseOptions()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, requestStop)
  const crash = Promise.withResolvers<string>()
  const stopRequested = new Promise<undefined>((resolve) =>
    stopping.signal.addEventListener('abort', () => resolve(undefined)),
  )

  shop = await startShop({
    dataDir,
    reset,
    gatewayPort: port,
    storefront: true,
    env: { gateway: { ...gatewayLimits, ...limitsOf(process.env) } },
    onProgress: (line) => console.log(`  ${seconds().padStart(5)} s  ${line}`),
    onCrash: crash.resolve,
    signal: stopping.signal,
  })
  console.log(formatTable(shop.running))
  console.log(`\nready in ${seconds()} s`)

  const crashed = await Promise.race([crash.promise, stopRequested])
  if (crashed !== undefined) console.error(`\n${crashed}\n\nStopping, because a process of the shop has exited.`)
  await shop.stop()
  console.log('Stopped.')
  process.exit(crashed === undefined ? 0 : 1)
}

/** The limits that the caller's environment sets. */
const limitsOf = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => name in gatewayLimits))

/** Parses the command line. @throws a user error about unknown or invalid options */
function parseOptions(): { reset: boolean; port: number | undefined } {
  const { values, positionals } = parseArgs({
    options: { reset: { type: 'boolean', default: false }, port: { type: 'string' } },
    allowPositionals: true,
    strict: false,
  })
  const unknown = [...Object.keys(values).filter((name) => name !== 'reset' && name !== 'port'), ...positionals]
  if (unknown.length > 0) throw userError(`There is no "${unknown[0]}" option. Known: -- --reset and -- --port 4000.`)
  if (values.port === undefined) return { reset: values.reset === true, port: undefined }
  const port = Number(values.port)
  if (!(Number.isInteger(port) && port > 0 && port < 65_536)) throw userError('--port needs a number from 1 to 65535.')
  return { reset: values.reset === true, port }
}

function formatTable({
  gateway,
  services,
  productGrpc,
  mongodb,
  kafka,
  smtp,
  mailbox,
  storefront,
  accounts,
}: ShopAddresses): string {
  const rows = [
    ['Shop', storefront],
    ['For developers', `${gateway}/developers`],
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
  if (stopping.signal.aborted) {
    console.log('Stopped.')
    process.exit(0)
  }
  console.error(isUserError(error) ? `\n${error.message}` : error)
  process.exit(1)
})
