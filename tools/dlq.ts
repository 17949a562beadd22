// npm run dlq: what could not be processed and stands on the dead-letter queue, and sending it again.
//   npm run dlq -- list [--all]        what waits there, the latest first; --all shows what was sent again too
//   npm run dlq -- show ID             one of them, with what it says
//   npm run dlq -- redrive ID          sends it to its topic once more
//   npm run dlq -- redrive --all       all that wait, in the order in which they were parked
// On the shop of npm start, or with --gateway URL on any other; HALLES_ADMIN_EMAIL and HALLES_ADMIN_PASSWORD say who asks.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Running } from '@halles/servers/shop'

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
type WholeDeadLetter = DeadLetter & {
  value: string | null
  encoding: 'utf-8' | 'base64' | null
  headers: { name: string; value: string }[]
}
type Admin = { email: string; password: string }
type Answer = { status: number; body: any }

const usage = `Usage: npm run dlq -- list [--all] | show ID | redrive ID | redrive --all     [--gateway URL]`

async function main(): Promise<void> {
  const { values, positionals } = given()
  const [command = '', id, ...more] = positionals
  const fits =
    more.length === 0 &&
    ((command === 'list' && id === undefined) ||
      (command === 'show' && id !== undefined && !values.all) ||
      (command === 'redrive' && (id !== undefined) !== values.all))
  if (!fits) throw new Error(usage)

  const shop = await signIn(values.gateway)
  if (command === 'list') await list(shop, values.all)
  else if (command === 'show') show(await read(shop, id!))
  else await redrive(shop, values.all ? (await waiting(shop)).toReversed().map((dead) => dead.id) : [id!])
}

function given() {
  const options = { all: { type: 'boolean', default: false }, gateway: { type: 'string' } } as const
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error })
  }
}

/** The shop's front door, asked as an admin. */
async function signIn(elsewhere: string | undefined) {
  const { gateway, admin } = await where(elsewhere)
  const ask = async (method: string, route: string, body?: object, token?: string): Promise<Answer> => {
    let answer: Response
    try {
      answer = await fetch(`${gateway}/api${route}`, {
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
    const type = answer.headers.get('content-type') ?? ''
    if (!/json/.test(type)) throw new Error(`What answers at ${gateway} is not a shop (${answer.status}, ${type}).`)
    return { status: answer.status, body: await answer.json() }
  }
  const { status, body } = await ask('POST', '/login', admin)
  if (status === 401)
    throw new Error(
      `${admin.email} cannot sign in at ${gateway}: set HALLES_ADMIN_EMAIL and HALLES_ADMIN_PASSWORD to an admin's.`,
    )
  if (status !== 200) throw new Error(sentenceOf({ status, body }))
  return (method: string, route: string): Promise<Answer> => ask(method, route, undefined, body.accessToken)
}
type Shop = Awaited<ReturnType<typeof signIn>>

/** Where the shop is, and who asks it. */
async function where(elsewhere: string | undefined): Promise<{ gateway: string; admin: Admin }> {
  const { HALLES_ADMIN_EMAIL: email, HALLES_ADMIN_PASSWORD: password } = process.env
  const named = email !== undefined && password !== undefined ? { email, password } : undefined
  if (elsewhere !== undefined) {
    if (!URL.canParse(elsewhere)) throw new Error(`${elsewhere} is no URL: give --gateway http://127.0.0.1:4000, say.`)
    return { gateway: elsewhere.replace(/\/+$/, ''), admin: named ?? (await demoAdmin()) }
  }
  const file = path.resolve(import.meta.dirname, '../.data/running.json')
  if (!existsSync(file))
    throw new Error('No shop is running here: start one by npm start, or say where it is by --gateway URL.')
  const { gateway, accounts } = JSON.parse(readFileSync(file, 'utf8')) as Running
  return { gateway, admin: named ?? accounts.admin }
}

/** The admin of a shop as npm start or docker compose fills it. Loaded when it is needed: it brings a whole shop along. */
const demoAdmin = async (): Promise<Admin> => (await import('@halles/servers/shop')).demoAccounts.admin

const sentenceOf = ({ status, body }: Answer): string => `The shop answered ${status}: ${body?.detail ?? body?.title}`

async function get(shop: Shop, route: string): Promise<any> {
  const answer = await shop('GET', route)
  if (answer.status !== 200) throw new Error(sentenceOf(answer))
  return answer.body
}

/** All that wait to be sent again, the latest first. */
const waiting = (shop: Shop): Promise<DeadLetter[]> => all(shop, '?redriven=false&first=100')

async function all(shop: Shop, query: string): Promise<DeadLetter[]> {
  const found: DeadLetter[] = []
  for (let after = ''; ;) {
    const { items, pageInfo } = await get(shop, `/dead-letters${query}${after}`)
    found.push(...items)
    if (!pageInfo.hasNextPage) return found
    after = `&after=${pageInfo.endCursor}`
  }
}

const read = async (shop: Shop, id: string): Promise<WholeDeadLetter> =>
  get(shop, `/dead-letters/${encodeURIComponent(id)}`)

async function list(shop: Shop, also: boolean): Promise<void> {
  const found = also ? await all(shop, '?first=100') : await waiting(shop)
  if (found.length === 0) return console.log(also ? 'The dead-letter queue is empty.' : 'No dead letters wait.')
  table([
    ['ID', 'PARKED', 'FROM', 'KEY', 'BYTES', 'SENT AGAIN', 'REASON'],
    ...found.map((dead) => [
      dead.id,
      dead.parkedAt,
      originOf(dead),
      dead.key ?? '–',
      dead.size === null ? 'no value' : String(dead.size),
      dead.redrivenAt === null ? 'no' : `${dead.redrives} ×, ${dead.redrivenAt}`,
      dead.reason,
    ]),
  ])
}

const originOf = ({ origin: { topic, partition, offset } }: DeadLetter): string =>
  [topic, partition ?? '?', offset ?? '?'].join('/')

function table(rows: string[][]): void {
  const clean = rows.map((row) => row.map((cell) => shortened(harmless(cell).replaceAll(/\s+/g, ' '))))
  const widths = clean[0]!.map((_, column) => Math.max(...clean.map((row) => row[column]!.length)))
  for (const row of clean)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
}

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 79)}…` : text)

/** Text that does nothing to a terminal: what came on a topic may hold anything. */
const harmless = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (c) => (/[\n\t]/.test(c) ? c : '�'))

function show(dead: WholeDeadLetter): void {
  const { origin, headers, value, encoding, size } = dead
  const facts: [string, string][] = [
    ['id', dead.id],
    ['reason', dead.reason],
    ['parked', `${dead.parkedAt}, by ${origin.group ?? 'someone'}`],
    ['from', originOf(dead)],
    ['key', dead.key ?? '–'],
    ['sent again', dead.redrivenAt === null ? 'no' : `${dead.redrives} ×, last ${dead.redrivenAt}`],
    ...headers.map((header): [string, string] => [`header ${header.name}`, header.value]),
    ['value', size === null ? 'none' : `${size} bytes${value === null ? ', too many to be kept' : `, ${encoding}`}`],
  ]
  const width = Math.max(...facts.map(([name]) => name.length))
  for (const [name, fact] of facts) console.log(`${harmless(name).padEnd(width)}  ${harmless(fact)}`)
  if (value !== null) console.log(`\n${harmless(value)}`)
}

async function redrive(shop: Shop, ids: string[]): Promise<void> {
  let failed = 0
  for (const id of ids) {
    const answer = await shop('POST', `/dead-letters/${encodeURIComponent(id)}/redrive`)
    if (answer.status === 202) console.log(`${id} sent to ${answer.body.origin.topic} again`)
    else {
      failed++
      console.error(`${id} not sent. ${sentenceOf(answer)}`)
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
