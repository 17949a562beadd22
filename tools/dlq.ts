// npm run dlq: lists, shows and redrives dead letters.
//   npm run dlq -- list [--all]        the dead letters to redrive, the latest first; with --all redriven ones too
//   npm run dlq -- show ID             one of them, with its content
//   npm run dlq -- redrive ID          sends it to its topic again
//   npm run dlq -- redrive --all       redrives all, in the order in which they were dead-lettered
// It uses the shop of npm start, or any other with --gateway URL. HALLES_ADMIN_EMAIL and HALLES_ADMIN_PASSWORD are the
// credentials of an admin.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { ShopAddresses } from '@halles/dev-shop'

type DeadLetter = {
  id: string
  reason: string
  origin: { topic: string; partition: number | null; offset: string | null; group: string | null }
  key: string | null
  size: number | null
  parkedAt: string
  redrives: number
  redrivenAt: string | null
}
type DeadLetterWithContent = DeadLetter & {
  value: string | null
  encoding: 'utf-8' | 'base64' | null
  headers: { name: string; value: string }[]
}
type Admin = { email: string; password: string }
type Result = { status: number; body: any }

const usage = `Usage: npm run dlq -- list [--all] | show ID | redrive ID | redrive --all     [--gateway URL]`

async function main(): Promise<void> {
  const { values, positionals } = parseOptions()
  const [command = '', id, ...more] = positionals
  const isValid =
    more.length === 0 &&
    ((command === 'list' && id === undefined) ||
      (command === 'show' && id !== undefined && !values.all) ||
      (command === 'redrive' && (id !== undefined) !== values.all))
  if (!isValid) throw new Error(usage)

  const shop = await signIn(values.gateway)
  if (command === 'list') await list(shop, values.all)
  else if (command === 'show') show(await read(shop, id!))
  else await redrive(shop, values.all ? (await pendingDeadLetters(shop)).toReversed().map(({ id }) => id) : [id!])
}

function parseOptions() {
  const options = { all: { type: 'boolean', default: false }, gateway: { type: 'string' } } as const
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error })
  }
}

/** Signs in at the gateway as an admin. @returns a function that sends requests with the admin's token */
async function signIn(gatewayOption: string | undefined) {
  const { gateway, admin } = await findShop(gatewayOption)
  const send = async (method: string, route: string, body?: object, token?: string): Promise<Result> => {
    let response: Response
    try {
      response = await fetch(`${gateway}/api${route}`, {
        method,
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(token && { authorization: `Bearer ${token}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
      })
    } catch (error) {
      throw new Error(`No shop answers at ${gateway}: is it running?`, { cause: error })
    }
    const type = response.headers.get('content-type') ?? ''
    if (!/json/.test(type)) throw new Error(`The server at ${gateway} is not a shop (${response.status}, ${type}).`)
    return { status: response.status, body: await response.json() }
  }
  const { status, body } = await send('POST', '/login', admin)
  if (status === 401)
    throw new Error(
      `${admin.email} cannot sign in at ${gateway}: set HALLES_ADMIN_EMAIL and HALLES_ADMIN_PASSWORD to an admin's.`,
    )
  if (status !== 200) throw new Error(describeError({ status, body }))
  return (method: string, route: string): Promise<Result> => send(method, route, undefined, body.accessToken)
}
type Shop = Awaited<ReturnType<typeof signIn>>

/** Finds the gateway and the credentials of an admin. */
async function findShop(gatewayOption: string | undefined): Promise<{ gateway: string; admin: Admin }> {
  const { HALLES_ADMIN_EMAIL: email, HALLES_ADMIN_PASSWORD: password } = process.env
  const credentials = email !== undefined && password !== undefined ? { email, password } : undefined
  if (gatewayOption !== undefined) {
    if (!URL.canParse(gatewayOption))
      throw new Error(`${gatewayOption} is not a URL: use, for example, --gateway http://127.0.0.1:4000.`)
    return { gateway: gatewayOption.replace(/\/+$/, ''), admin: credentials ?? (await demoAdmin()) }
  }
  const file = path.resolve(import.meta.dirname, '../.data/running.json')
  if (!existsSync(file))
    throw new Error('No shop is running here: start one by npm start, or give its address by --gateway URL.')
  const { gateway, accounts } = JSON.parse(readFileSync(file, 'utf8')) as ShopAddresses
  return { gateway, admin: credentials ?? accounts.admin }
}

/** The admin account of the demo data. Imported only when needed, as the module loads everything that starts a shop. */
const demoAdmin = async (): Promise<Admin> => (await import('@halles/dev-shop')).demoAccounts.admin

const describeError = ({ status, body }: Result): string =>
  `The shop answered ${status}: ${body?.detail ?? body?.title}`

async function get(shop: Shop, route: string): Promise<any> {
  const result = await shop('GET', route)
  if (result.status !== 200) throw new Error(describeError(result))
  return result.body
}

/** The dead letters that were not redriven, the latest first. */
const pendingDeadLetters = (shop: Shop): Promise<DeadLetter[]> => listAll(shop, '?redriven=false&first=100')

async function listAll(shop: Shop, query: string): Promise<DeadLetter[]> {
  const found: DeadLetter[] = []
  for (let after = ''; ;) {
    const { items, pageInfo } = await get(shop, `/dead-letters${query}${after}`)
    found.push(...items)
    if (!pageInfo.hasNextPage) return found
    after = `&after=${pageInfo.endCursor}`
  }
}

const read = async (shop: Shop, id: string): Promise<DeadLetterWithContent> =>
  get(shop, `/dead-letters/${encodeURIComponent(id)}`)

async function list(shop: Shop, withRedriven: boolean): Promise<void> {
  const found = withRedriven ? await listAll(shop, '?first=100') : await pendingDeadLetters(shop)
  if (found.length === 0)
    return console.log(withRedriven ? 'The dead-letter queue is empty.' : 'There are no dead letters to redrive.')
  table([
    ['ID', 'PARKED', 'FROM', 'KEY', 'BYTES', 'SENT AGAIN', 'REASON'],
    ...found.map((deadLetter) => [
      deadLetter.id,
      deadLetter.parkedAt,
      formatOrigin(deadLetter),
      deadLetter.key ?? '–',
      deadLetter.size === null ? 'no value' : String(deadLetter.size),
      deadLetter.redrivenAt === null ? 'no' : `${deadLetter.redrives} ×, ${deadLetter.redrivenAt}`,
      deadLetter.reason,
    ]),
  ])
}

const formatOrigin = ({ origin: { topic, partition, offset } }: DeadLetter): string =>
  [topic, partition ?? '?', offset ?? '?'].join('/')

function table(rows: string[][]): void {
  const clean = rows.map((row) => row.map((cell) => shorten(removeControlCharacters(cell).replaceAll(/\s+/g, ' '))))
  const widths = clean[0]!.map((_, column) => Math.max(...clean.map((row) => row[column]!.length)))
  for (const row of clean)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
}

const shorten = (text: string): string => (text.length > 80 ? `${text.slice(0, 79)}…` : text)

/** Replaces control characters, as a message may contain escape sequences for the terminal. */
const removeControlCharacters = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (c) => (/[\n\t]/.test(c) ? c : '�'))

function show(deadLetter: DeadLetterWithContent): void {
  const { origin, headers, value, encoding, size } = deadLetter
  const facts: [string, string][] = [
    ['id', deadLetter.id],
    ['reason', deadLetter.reason],
    ['dead-lettered', `${deadLetter.parkedAt}, by ${origin.group ?? 'an unknown group'}`],
    ['from', formatOrigin(deadLetter)],
    ['key', deadLetter.key ?? '–'],
    ['redriven', deadLetter.redrivenAt === null ? 'no' : `${deadLetter.redrives} ×, last ${deadLetter.redrivenAt}`],
    ...headers.map((header): [string, string] => [`header ${header.name}`, header.value]),
    ['value', size === null ? 'none' : `${size} bytes${value === null ? ', too large to be stored' : `, ${encoding}`}`],
  ]
  const width = Math.max(...facts.map(([name]) => name.length))
  for (const [name, fact] of facts)
    console.log(`${removeControlCharacters(name).padEnd(width)}  ${removeControlCharacters(fact)}`)
  if (value !== null) console.log(`\n${removeControlCharacters(value)}`)
}

async function redrive(shop: Shop, ids: string[]): Promise<void> {
  let failed = 0
  for (const id of ids) {
    const result = await shop('POST', `/dead-letters/${encodeURIComponent(id)}/redrive`)
    if (result.status === 202) console.log(`${id} sent to ${result.body.origin.topic} again`)
    else {
      failed++
      console.error(`${id} not sent. ${describeError(result)}`)
    }
  }
  if (ids.length !== 1) console.log(`${ids.length - failed} sent again, ${failed} not.`)
  if (failed > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
