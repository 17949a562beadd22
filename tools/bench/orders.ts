import path from 'node:path'
import { databaseUrl, freePort, managedProcess, processGroup } from '@halles/servers'
import { root } from '../workspace.ts'
import type { Options, Row } from './results.ts'
import type { Writes, Written } from './bare-writes.ts'
import type { Case } from './baskets.ts'
import type { Bought, Load } from './buyers.ts'
import { child } from './child.ts'
import { openMarket, type Closers, type Market } from './market.ts'
import { interleaved, measured, rowOf, type Variant } from './rounds.ts'
import type { Manner } from './unguarded.ts'

const CASES: Case[] = ['spread', 'hot']
const BUYERS = [1, 16, 64]
/** Orders that every variant places in every case before anything is measured, so that its code is compiled. */
const WARM = 2000
/** Orders a second at which letters are timed: so few that none waits for another. */
const RATES = [5, 50]
/** As in packages/servers/src/shop.ts: what is compared with the services has the same heap. */
const FLAGS = ['--max-semi-space-size=8']

/**
 * Orders a second through the gateway, spread over 1,000 products and all with one hot product, beside two limits in the
 * same run: the bare MongoDB writes that an order needs, and the same flow without the guarantees, behind a gateway of the
 * same build. Before that, with letters on, how long it is from the answer to the event and to the letter.
 *
 * In all rows but those of letters notification-service is stopped: the mongod and the cores that it shares are then the
 * orders' alone. Rounds are interleaved. `others_pct` is the share of the machine that went to processes which have no
 * part in this: with more than a few, look at ratios and CPU, not at rates.
 *
 * `--against DIR` measures the shop of another checkout in the same rounds, instead of the limits.
 */
export async function orders(options: Options): Promise<Row[]> {
  const wish = {
    rounds: options.rounds ?? 3,
    seconds: options.seconds ?? 4,
    buyers: options.buyers ?? BUYERS,
    cases: CASES,
  }
  const closers: Closers = []
  const rows: Row[] = []
  try {
    const buyers = await child<Load, Bought>('buyers.ts')
    closers.push(buyers.stop)
    const market = await openMarket(root, buyers, closers)
    console.log('The shop is open.')
    if (options.against === undefined) rows.push(...(await letters(market, wish)))
    await market.withoutLetters()

    const variants = [market.variant('halles')]
    if (options.against === undefined)
      variants.push(...(await unguarded(market, closers)), ...(await bareWrites(market, closers)))
    else {
      const other = await openMarket(path.resolve(options.against), buyers, closers)
      await other.withoutLetters()
      variants.push(other.variant('against'))
    }
    console.log('Warming up.')
    for (const which of CASES)
      for (const { run } of variants) await run({ case: which, buyers: 64, for: { orders: WARM } })
    rows.push(...(await interleaved(variants, wish)))
  } finally {
    for (const close of closers.toReversed()) await close()
  }
  return rows
}

/** How long it is to the event and to the letter at a few orders a second, and what buyers at full speed get meanwhile. */
async function letters(market: Market, { seconds }: { seconds: number }): Promise<Row[]> {
  const buy = (load: Pick<Load, 'buyers' | 'for' | 'rate'>) =>
    measured(market, () => market.buy({ case: 'spread', ...load }, { withLetters: true }))
  await buy({ buyers: 16, for: { orders: WARM } })
  const rows: Row[] = []
  for (const rate of RATES) {
    const found = await buy({ buyers: 16, rate, for: { ms: seconds * 2000 } })
    rows.push(rowOf('halles', `${rate} orders a second, with letters`, 16, [found]))
  }
  const crowd = await buy({ buyers: 64, for: { ms: seconds * 1000 } })
  rows.push(rowOf('halles', 'spread, with letters', 64, [crowd]))
  return rows
}

/** The flow without guarantees, with a look at the stock and without. */
async function unguarded(market: Market, closers: Closers): Promise<Variant[]> {
  const { services, mongodb, kafka, productGrpc } = market.shop.running
  const jwks = `${services.auth}/.well-known/jwks.json`
  const [port, front] = [await freePort(), await freePort()]
  const service = await child<{ manner: Manner }, void>('unguarded.ts', {
    args: [String(port), databaseUrl(mongodb, 'bench_unguarded'), kafka, productGrpc, jwks],
    flags: FLAGS,
    log: path.join(market.shop.logs, 'unguarded.log'),
  })
  closers.push(service.stop)
  const group = processGroup()
  const gateway = await managedProcess({
    spawn: (more) =>
      group.spawn('gateway', process.execPath, [...FLAGS, path.join(root, 'apps/gateway/dist/main.js')], {
        ...more,
        env: {
          ...process.env,
          PORT: String(front),
          JWKS_URL: jwks,
          AUTH_URL: services.auth,
          PRODUCT_URL: services.product,
          ORDER_URL: `http://127.0.0.1:${port}`,
          NOTIFICATION_URL: services.notification,
          RATE_LIMIT: '0',
          MALLOC_ARENA_MAX: '2',
        },
        cwd: root,
        log: path.join(market.shop.logs, 'unguarded-gateway.log'),
      }),
    isReady: async () => (await fetch(`http://127.0.0.1:${front}/healthz`)).ok,
  })
  closers.push(gateway.stop)

  const variant = (name: string, manner: Manner): Variant => ({
    name,
    crew: market.crew,
    pids: () => ({ ...market.pids(), gateway: gateway.pid()!, order: service.pid }),
    run: async (load) => {
      await service.ask({ manner })
      return market.buy(load, { at: `http://127.0.0.1:${front}` })
    },
  })
  return [variant('unguarded', 'looking'), variant('unguarded, blind', 'blind')]
}

/** The writes alone, with our batching and one by one. */
async function bareWrites(market: Market, closers: Closers): Promise<Variant[]> {
  const { mongodb } = market.shop.running
  const writer = await child<Writes, Written>('bare-writes.ts', {
    args: [databaseUrl(mongodb, 'bench_order'), databaseUrl(mongodb, 'bench_product')],
    flags: FLAGS,
  })
  closers.push(writer.stop)
  const variant = (name: string, manner: Writes['manner']): Variant => ({
    name,
    crew: market.crew,
    pids: () => ({ order: writer.pid, mongodb: market.pids().mongodb! }),
    run: async ({ case: which, buyers, for: until }) => {
      const written = await writer.ask({ manner, case: which, buyers, for: until })
      return { ...written, toEvent: [] }
    },
  })
  return [variant('bare writes', 'batched'), variant('bare writes, one by one', 'one-by-one')]
}
