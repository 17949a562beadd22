// npm run lighthouse: measures the shop's pages, built for production and behind the gateway, with Lighthouse in Chromium.
// Prints the median of each score and figure, writes bench/results/lighthouse.json, and exits 1 when a bar is missed.
//   npm run lighthouse                            home, catalogue and a product; desktop and slow mobile; 5 runs each
//   npm run lighthouse -- --runs 1 --page home    one quick run
// Lighthouse itself (200 MB with its dependencies) is no dependency of the workspace: the first run installs it.
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { startShop } from '@halles/dev-shop'
import { findChromium } from '@halles/stories/chromium'
import { isUserError, userError } from '@halles/test-servers'
import { installPeer } from './peers.ts'
import { root } from './workspace.ts'

const run = promisify(execFile)

const LIGHTHOUSE = 'lighthouse@12.8.2'

type Device = 'desktop' | 'mobile'
type Category = 'performance' | 'accessibility' | 'best-practices' | 'seo'

/** The least score of each category, out of 100. Mobile is Lighthouse's slow 4G on a CPU four times slower. */
const bars: Record<Device, Record<Category, number>> = {
  desktop: { performance: 95, accessibility: 100, 'best-practices': 95, seo: 95 },
  mobile: { performance: 85, accessibility: 100, 'best-practices': 95, seo: 95 },
}
/** The largest contentful paint on mobile, in milliseconds, and the JavaScript that a page loads at first, in bytes of gzip. */
const LCP_BAR = 2500
const SCRIPT_BAR = 120_000

/** The parts of Lighthouse's report that are read here. */
type Report = {
  categories: Record<Category, { score: number | null }>
  audits: Record<
    string,
    { score: number | null; numericValue?: number; title: string; details?: { items?: unknown[] } }
  >
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { runs: { type: 'string', default: '5' }, page: { type: 'string', multiple: true } },
  })
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1) throw userError('--runs must be a positive integer.')
  const chromium = findChromium()
  if (chromium === undefined)
    throw userError('There is no Chromium. Install it (Debian: apt install chromium), or set CHROMIUM.')
  const folder = await installPeer(LIGHTHOUSE)
  const shop = await startShop({ storefront: true })
  try {
    const { gateway } = shop.running
    const pages: Record<string, string> = {
      home: '/',
      catalogue: '/products',
      product: `/products/${await anyProduct(gateway)}`,
    }
    const names = values.page ?? Object.keys(pages)
    const unknown = names.find((name) => !Object.hasOwn(pages, name))
    if (unknown !== undefined) throw userError(`Unknown page "${unknown}". Known: ${Object.keys(pages).join(', ')}.`)
    const rows = []
    for (const device of ['desktop', 'mobile'] as const)
      for (const name of names) {
        const reports: Report[] = []
        for (let i = 0; i < runs; i++) reports.push(await measure(folder, chromium, `${gateway}${pages[name]}`, device))
        const row = summarize(name, device, reports, await sizeOfScripts(reports[0]!))
        console.log(format(row))
        rows.push(row)
      }
    await mkdir(path.join(root, 'bench/results'), { recursive: true })
    await writeFile(path.join(root, 'bench/results/lighthouse.json'), `${JSON.stringify({ runs, rows }, null, 2)}\n`)
    const misses = rows.flatMap(({ misses: found }) => found)
    for (const miss of misses) console.error(miss)
    if (misses.length > 0) process.exitCode = 1
  } finally {
    await shop.stop()
  }
}

async function anyProduct(gateway: string): Promise<string> {
  const response = await fetch(`${gateway}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ products(first: 1) { nodes { id } } }' }),
  })
  const { data } = (await response.json()) as { data: { products: { nodes: { id: string }[] } } }
  return data.products.nodes[0]!.id
}

/** One run. Chromium sometimes gives no trace (NO_NAVSTART): such a run is no measurement, and is repeated twice at most. */
async function measure(folder: string, chromium: string, url: string, device: Device, tries = 3): Promise<Report> {
  const output = path.join(folder, `report-${process.pid}.json`)
  const done = await run(
    process.execPath,
    [
      path.join(folder, 'node_modules/lighthouse/cli/index.js'),
      url,
      '--output=json',
      `--output-path=${output}`,
      '--quiet',
      '--no-enable-error-reporting',
      '--only-categories=performance,accessibility,best-practices,seo',
      '--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage',
      ...(device === 'desktop' ? ['--preset=desktop'] : []),
    ],
    { env: { ...process.env, CHROME_PATH: chromium }, timeout: 180_000 },
  ).catch((error: unknown) => {
    if (tries === 1) throw error
    return undefined
  })
  if (done === undefined) return measure(folder, chromium, url, device, tries - 1)
  return JSON.parse(await readFile(output, 'utf8')) as Report
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

type Summary = {
  page: string
  device: Device
  scores: Record<Category, number>
  /** Milliseconds, but for the layout shift, which has no unit. */
  lcp: number
  blocking: number
  shift: number
  /** Bytes. */
  scripts: number
  misses: string[]
}

function summarize(page: string, device: Device, reports: Report[], scripts: number): Summary {
  const figure = (audit: string): number => median(reports.map(({ audits }) => audits[audit]?.numericValue ?? 0))
  const categories = Object.keys(bars[device]) as Category[]
  const scores = Object.fromEntries(
    categories.map((name) => [
      name,
      Math.round(100 * median(reports.map((report) => report.categories[name].score ?? 0))),
    ]),
  ) as Record<Category, number>
  const lcp = Math.round(figure('largest-contentful-paint'))
  const where = `${page}, ${device}`
  const misses = categories
    .filter((name) => scores[name] < bars[device][name])
    .map((name) => `${where}: ${name} ${scores[name]}, the bar is ${bars[device][name]}. ${weakAudits(reports[0]!)}`)
  if (device === 'mobile' && lcp > LCP_BAR)
    misses.push(`${where}: largest contentful paint ${lcp} ms, the bar is ${LCP_BAR}.`)
  if (scripts > SCRIPT_BAR) misses.push(`${where}: ${scripts} bytes of JavaScript, the bar is ${SCRIPT_BAR}.`)
  return {
    page,
    device,
    scores,
    lcp,
    blocking: Math.round(figure('total-blocking-time')),
    shift: Number(figure('cumulative-layout-shift').toFixed(3)),
    scripts,
    misses,
  }
}

/** The JavaScript that a page loaded, in bytes of gzip, whichever encoding Chromium chose. */
async function sizeOfScripts({ audits }: Report): Promise<number> {
  const items = (audits['network-requests']?.details?.items ?? []) as { resourceType?: string; url: string }[]
  const scripts = items.filter(({ resourceType }) => resourceType === 'Script')
  const sizes = scripts.map(async ({ url }) => gzipSync(await (await fetch(url)).arrayBuffer(), { level: 9 }).length)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

const weakAudits = ({ audits }: Report): string =>
  `Audits below 0.9: ${Object.entries(audits)
    .filter(([, { score }]) => score !== null && score < 0.9)
    .map(([name]) => name)
    .join(', ')}.`

const format = ({ page, device, scores, lcp, blocking, shift, scripts }: Summary): string =>
  `${page.padEnd(10)} ${device.padEnd(8)} performance ${scores.performance}, accessibility ${scores.accessibility}, ` +
  `best practices ${scores['best-practices']}, SEO ${scores.seo}; LCP ${lcp} ms, blocked ${blocking} ms, ` +
  `layout shift ${shift}, JavaScript ${(scripts / 1000).toFixed(1)} kB`

main().catch((error: unknown) => {
  console.error(isUserError(error) ? error.message : error)
  process.exitCode = 1
})
