import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { authorizationHeader, createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { openEventStream, type EventStreamClient } from '@halles/test-fixtures/event-stream'
import { eventually } from '@halles/test-fixtures/wait'
import { startServers, type Servers } from '@halles/test-servers'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest'
import { startFakeProductService } from '../../test/fake-product-service.ts'
import { startOrderService, type OrderService } from '../../test/start-order-service.ts'

// Streams of changes while the change stream of MongoDB breaks: on a replica set of three nodes.

const STREAMS = 20

const admin = createAdmin()
const cleanups: (() => unknown)[] = []
let servers: Servers
let service: OrderService
let url: string
let product: string
let open: EventStreamClient[] = []

beforeAll(async () => {
  servers = await startServers({ need: ['mongodb'], mongodbNodes: 3 })
  cleanups.push(servers.stop)
  const productService = await startFakeProductService()
  cleanups.push(productService.stop)
  product = productService.addProduct({ stock: 1000 }).id
  const database = uniqueDatabaseUrl(servers.mongodb!, 'order')
  service = await startOrderService({
    mongodb: servers.mongodb!,
    kafka: inject('kafka'),
    product: productService.address,
    database,
  })
  cleanups.push(service.close, () => service.app.server.closeAllConnections())
  url = await service.app.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await Promise.all(open.map(({ close }) => close()))
  open = []
})
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

type Followed = { id: string; stream: EventStreamClient }

/** Places orders, and follows each of them. */
async function followOrders(): Promise<Followed[]> {
  return Promise.all(
    Array.from({ length: STREAMS }, async () => {
      const customer = createPrincipal()
      const { id, userId } = (await service.placeOrder(customer, [{ productId: product, quantity: 1 }])).json()
      const stream = await openEventStream(`${url}/orders/${userId}/${id}/events`, {
        headers: await authorizationHeader(customer),
      })
      open.push(stream)
      await eventually('the present state is told', () => stream.events.length === 1)
      return { id, stream }
    }),
  )
}

/** Sets the status of an order, however often that has to be repeated. */
const setStatus = ({ id }: Followed, status: string): Promise<unknown> =>
  eventually(`an order becomes ${status}`, async () => {
    const { statusCode } = await service.request(admin, 'PUT', `/orders/${id}/status`, { status })
    return statusCode === 200
  })

/** Waits until every stream has ended; returns what they have told, each different list once. */
async function listTold(followed: Followed[]): Promise<string[]> {
  await eventually('every stream has ended', () => followed.every(({ stream }) => stream.hasEnded()))
  return [...new Set(followed.map(({ stream }) => stream.events.map(({ id, event }) => id ?? event).join(' ')))]
}

/** Makes reads of the change stream fail with a code while `work` runs, at most `times` times. */
async function whileReadsFail(errorCode: number, times: number, work: () => Promise<unknown>): Promise<void> {
  const { address } = await servers.replicaSet!.primary()
  const primary = new MongoClient(`mongodb://${address}/?directConnection=true`)
  const configure = (mode: object | string) =>
    primary.db('admin').command({
      configureFailPoint: 'failCommand',
      mode,
      data: { failCommands: ['getMore', 'find'], appName: 'order-service', errorCode },
    })
  try {
    await configure({ times })
    await work()
  } finally {
    await configure('off')
    await primary.close()
  }
}

it.each([
  ['that are resumable: CursorNotFound', 43],
  ['that are not: ChangeStreamHistoryLost', 286],
  ['that are not: ChangeStreamFatalError', 280],
])('streams tell every change once after errors of the change stream %s', async (_which, code) => {
  const followed = await followOrders()
  await whileReadsFail(code, 3, async () => {
    for (const one of followed) await setStatus(one, 'Confirmée')
  })
  await Promise.all(followed.map((one) => setStatus(one, 'Préparée')))
  await Promise.all(followed.map((one) => setStatus(one, 'Livrée')))
  expect(await listTold(followed)).toEqual(['1 2 3 4 complete'])
})

it('streams tell every change once while primaries step down and one is killed', async () => {
  const followed = await followOrders()
  const isChanging = Promise.all(
    followed.map(async (one) => {
      for (const status of ['Confirmée', 'Préparée', 'Livrée']) {
        await setStatus(one, status)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 3000)) // changes throughout the faults
      }
    }),
  )
  await servers.replicaSet!.stepDown(1)
  await servers.replicaSet!.stepDown(1)
  const killed = await servers.replicaSet!.killPrimary()
  await servers.replicaSet!.primary(killed)
  await isChanging
  expect(await listTold(followed)).toEqual(['1 2 3 4 complete'])
})
