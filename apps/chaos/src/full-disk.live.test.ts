import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { differencesIn, readBooks } from '@halles/audit'
import { startShop, type Shop } from '@halles/servers/shop'
import { eventually } from '@halles/testkit/wait'
import { MongoClient } from 'mongodb'
import { afterEach, expect, it } from 'vitest'

// A server whose disk is full ends itself; what the shop answers then, and what is left when there is room again.

/** Disks that are small enough to be filled, and large enough for what each server makes of them when it starts. */
const SIZES = { mongodb: '480m', kafka: '64m' } as const

let shop: Shop | undefined
let folder: string | undefined
let disk: string | undefined
afterEach(async () => {
  await shop?.stop()
  if (disk) execFileSync('umount', [disk])
  if (folder) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  shop = disk = folder = undefined
})

/** A shop whose server keeps its data on a disk of its own; or why that cannot be had here. */
async function onSmallDisk(server: keyof typeof SIZES): Promise<string | undefined> {
  folder = await mkdtemp(path.join(tmpdir(), 'halles-full-disk-'))
  const at = path.join(folder, server)
  await mkdir(at)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZES[server]}`, 'tmpfs', at], { stdio: 'pipe' })
  } catch (error) {
    return `a small disk cannot be mounted here, which takes root on Linux: ${(error as Error).message}`
  }
  disk = at
  // Of the tests' own environment nothing is given: a server in a container would have another disk.
  shop = await startShop({ dataDir: folder, env: { gateway: { UPSTREAM_PATIENCE_MS: '500' } } })
  return shop.processes[server].pid() === undefined ? `${server} is not a process of this machine here` : undefined
}

/** Takes all the room that there is; gives it back when `room` is called. */
async function fill(): Promise<{ room: () => Promise<void> }> {
  const ballast = path.join(disk!, 'ballast')
  const file = await open(ballast, 'w')
  const zeros = Buffer.alloc(1 << 20)
  // Written, for others write at the same moment: what is free now is not what can be had.
  for (const size of [zeros.length, 4096]) while (await fits(file.write(zeros, 0, size)));
  await file.close()
  return { room: () => rm(ballast) }
}

const fits = (writing: Promise<unknown>): Promise<boolean> =>
  writing.then(
    () => true,
    (error: NodeJS.ErrnoException) => (error.code === 'ENOSPC' ? false : Promise.reject(error)),
  )

async function shopper({ gateway, accounts }: Shop['running']) {
  const ask = async (method: string, route: string, body?: object, token?: string) => {
    const answer = await fetch(`${gateway}/api${route}`, {
      method,
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as any }
  }
  const { accessToken } = (await ask('POST', '/login', accounts.customer)).body
  const products = (await ask('GET', '/products?first=50&sort=price_asc&inStock=true')).body.items
  const { id: productId } = products.find(({ stock }: { stock: number }) => stock >= 60)
  const placed: string[] = []
  return {
    placed,
    /** How an order is answered: its status and code. */
    buy: async (): Promise<string> => {
      const { status, body } = await ask('POST', '/orders', { items: [{ productId, quantity: 1 }] }, accessToken)
      if (status === 201) placed.push(body.id)
      return status === 201 ? '201' : `${status} ${body.code}`
    },
  }
}

/** The books, once all is done that was begun. */
async function booksAddUp({ mongodb, kafka }: Shop['running'], placed: readonly string[]): Promise<void> {
  const books = await eventually(
    'the books add up',
    async () => {
      const read = await readBooks({ mongodb, kafka })
      return differencesIn(read, { asOf: 'quiet' }).length === 0 ? read : undefined
    },
    120_000,
  )
  // An order whose answer was lost may stand; none that was answered may be missing.
  expect(books.orders.map(({ _id }) => _id)).toEqual(expect.arrayContaining([...placed]))
}

it('without room for MongoDB orders are refused, and when there is some all goes on as if nothing had been', async (context) => {
  const missing = await onSmallDisk('mongodb')
  if (missing || !shop) return context.skip(missing)
  const { running, processes } = shop
  const { buy, placed } = await shopper(running)
  expect(await buy()).toBe('201')
  const { room } = await fill()
  const client = new MongoClient(running.mongodb)
  const answers = new Set<string>()
  try {
    // Its next checkpoint comes within a minute; asked for one, it need not be waited for.
    await eventually('mongod ends itself', async () => {
      answers.add(await buy())
      await client
        .db('admin')
        .command({ fsync: 1 }, { timeoutMS: 2000 })
        .catch(() => {})
      return processes.mongodb.pid() === undefined
    })
  } finally {
    await client.close()
  }
  for (let i = 0; i < 5; i++) answers.add(await buy())
  expect(answers).toContain('503 UNAVAILABLE')
  expect([...answers].filter((answer) => !/^(201|503 UNAVAILABLE|504 TIMEOUT)$/.test(answer))).toEqual([])

  await room()
  await processes.mongodb.restart()
  await eventually('orders are taken again', async () => (await buy()) === '201')
  await booksAddUp(running, placed)
})

it('without room for Kafka orders are taken, and their letters come when there is some', async (context) => {
  const missing = await onSmallDisk('kafka')
  if (missing || !shop) return context.skip(missing)
  const { running, processes } = shop
  const { buy, placed } = await shopper(running)
  expect(await buy()).toBe('201')
  const { room } = await fill()
  await eventually('Kafka ends itself', async () => {
    expect(await buy()).toBe('201')
    return processes.kafka.pid() === undefined
  })
  expect(await buy()).toBe('201')

  await room()
  await processes.kafka.restart()
  await booksAddUp(running, placed)
  expect(placed.length).toBeGreaterThan(2)
})
