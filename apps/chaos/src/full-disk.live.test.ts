import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { findDifferences, readSnapshot } from '@halles/reconciliation'
import { startShop, type Shop } from '@halles/dev-shop'
import { eventually } from '@halles/test-fixtures/wait'
import { MongoClient } from 'mongodb'
import { afterEach, describe, expect, it } from 'vitest'

// MongoDB and Kafka terminate when their disk is full. These tests check how the shop responds, and its data after recovery.

/** Small enough to be filled quickly, and large enough for the files that each server creates when it starts. */
const DISK_SIZES = { mongodb: '480m', kafka: '64m' } as const

let shop: Shop | undefined
let folder: string | undefined
let disk: string | undefined
afterEach(async () => {
  await shop?.stop()
  if (disk) execFileSync('umount', [disk])
  if (folder) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  shop = disk = folder = undefined
})

/** Starts a shop with a server on a small disk of its own. Returns the reason if that is not possible on this machine. */
async function startShopOnSmallDisk(server: keyof typeof DISK_SIZES): Promise<string | undefined> {
  folder = await mkdtemp(path.join(tmpdir(), 'halles-full-disk-'))
  const mountPoint = path.join(folder, server)
  await mkdir(mountPoint)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_SIZES[server]}`, 'tmpfs', mountPoint], { stdio: 'pipe' })
  } catch (error) {
    return `cannot mount a small disk, which requires root on Linux: ${(error as Error).message}`
  }
  disk = mountPoint
  // The test skips servers in containers, as their data is on another disk.
  shop = await startShop({ dataDir: folder, env: { gateway: { UPSTREAM_PATIENCE_MS: '500' } } })
  return shop.processes[server].pid() === undefined ? `${server} does not run as a process of this machine` : undefined
}

/** Fills the disk, until `freeSpace` is called. */
async function fillDisk(): Promise<{ freeSpace: () => Promise<void> }> {
  const filler = path.join(disk!, 'filler')
  const file = await open(filler, 'w')
  const zeros = Buffer.alloc(1 << 20)
  // The free space cannot be computed in advance, as the server writes at the same time.
  for (const size of [zeros.length, 4096]) while (await hasSpaceFor(file.write(zeros, 0, size)));
  await file.close()
  return { freeSpace: () => rm(filler) }
}

const hasSpaceFor = (writing: Promise<unknown>): Promise<boolean> =>
  writing.then(
    () => true,
    (error: NodeJS.ErrnoException) => (error.code === 'ENOSPC' ? false : Promise.reject(error)),
  )

async function createCustomer({ gateway, accounts }: Shop['running']) {
  const send = async (method: string, route: string, body?: object, token?: string) => {
    const response = await fetch(`${gateway}/api${route}`, {
      method,
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as any }
  }
  const { accessToken } = (await send('POST', '/login', accounts.customer)).body
  const products = (await send('GET', '/products?first=50&sort=price_asc&inStock=true')).body.items
  const { id: productId } = products.find(({ stock }: { stock: number }) => stock >= 60)
  const placed: string[] = []
  return {
    placed,
    /** Places an order and returns the HTTP status, with the error code if there is one. */
    order: async (): Promise<string> => {
      const { status, body } = await send('POST', '/orders', { items: [{ productId, quantity: 1 }] }, accessToken)
      if (status === 201) placed.push(body.id)
      return status === 201 ? '201' : `${status} ${body.code}`
    },
  }
}

/** Waits until the data of all services is consistent, and checks that no confirmed order is missing. */
async function expectConsistentData({ mongodb, kafka }: Shop['running'], placed: readonly string[]): Promise<void> {
  const snapshot = await eventually(
    'consistent data',
    async () => {
      const read = await readSnapshot({ mongodb, kafka })
      return findDifferences(read, { asOf: 'quiet' }).length === 0 ? read : undefined
    },
    120_000,
  )
  // There may be further orders: those whose response was lost.
  expect(snapshot.orders.map(({ _id }) => _id)).toEqual(expect.arrayContaining([...placed]))
}

describe('a shop with a full disk', () => {
  it('rejects orders while MongoDB has no disk space, and recovers when it has', async (context) => {
    const unavailable = await startShopOnSmallDisk('mongodb')
    if (unavailable || !shop) return context.skip(unavailable)
    const { running, processes } = shop
    const { order, placed } = await createCustomer(running)
    expect(await order()).toBe('201')
    const { freeSpace } = await fillDisk()
    const client = new MongoClient(running.mongodb)
    const responses = new Set<string>()
    try {
      // mongod writes a checkpoint every minute; the command makes it do so at once.
      await eventually('mongod terminates', async () => {
        responses.add(await order())
        await client
          .db('admin')
          .command({ fsync: 1 }, { timeoutMS: 2000 })
          .catch(() => {})
        return processes.mongodb.pid() === undefined
      })
    } finally {
      await client.close()
    }
    for (let i = 0; i < 5; i++) responses.add(await order())
    expect(responses).toContain('503 UNAVAILABLE')
    expect([...responses].filter((response) => !/^(201|503 UNAVAILABLE|504 TIMEOUT)$/.test(response))).toEqual([])

    await freeSpace()
    await processes.mongodb.restart()
    await eventually('an order is placed', async () => (await order()) === '201')
    await expectConsistentData(running, placed)
  })

  it('accepts orders while Kafka has no disk space, and sends their e-mails when it has', async (context) => {
    const unavailable = await startShopOnSmallDisk('kafka')
    if (unavailable || !shop) return context.skip(unavailable)
    const { running, processes } = shop
    const { order, placed } = await createCustomer(running)
    expect(await order()).toBe('201')
    const { freeSpace } = await fillDisk()
    await eventually('Kafka terminates', async () => {
      expect(await order()).toBe('201')
      return processes.kafka.pid() === undefined
    })
    expect(await order()).toBe('201')

    await freeSpace()
    await processes.kafka.restart()
    await expectConsistentData(running, placed)
    expect(placed.length).toBeGreaterThan(2)
  })
})
