import { ACCOUNT_DELETIONS } from '@halles/contracts/account-deletions'
import { as, someAdmin, someone, testKeyOf, type TestPerson } from '@halles/testkit/people'
import { ownDatabase } from '@halles/testkit/database'
import { MongoClient, type Collection } from 'mongodb'
import { createApp, type Options } from '../src/app.ts'
import { configFrom } from '../src/config.ts'
import type { Stored } from '../src/orders.ts'

/** Order-service on a database of its own, and what tests say to it. */
export async function startOrderService(
  {
    mongodb,
    kafka,
    product,
    database = ownDatabase(mongodb),
  }: Record<'mongodb' | 'kafka' | 'product', string> & { database?: string },
  options: Options = {},
) {
  const settings = configFrom({
    PORT: '0',
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
    JWKS_URL: 'http://127.0.0.1:1/jwks.json',
    MONGODB_URL: database,
    KAFKA_BROKERS: kafka,
    PRODUCT_GRPC_URL: product,
  })
  // In the group of all others it would hear what is told to them, and they what is told to it.
  const deletions = { topic: ACCOUNT_DELETIONS, groupId: new URL(database).pathname.slice(1) }
  const app = await createApp(settings, { keyOf: testKeyOf, deletions, ...options })
  const client = new MongoClient(database)
  const stored: Collection<Stored> = client.db().collection('orders')

  const request = async (
    person: TestPerson | undefined,
    method: 'GET' | 'POST' | 'PUT',
    url: string,
    payload?: object,
    headers: Record<string, string> = {},
  ) =>
    app.inject({
      method,
      url,
      headers: { ...headers, ...(person && (await as(person))) },
      ...(payload && { payload }),
    })

  return {
    app,
    /** The collection behind it, to look at and to put what a crash would have left. */
    stored,
    database,
    request,
    order: (person: TestPerson | undefined, items: object[], more: { key?: string; expectedTotal?: number } = {}) =>
      request(
        person,
        'POST',
        '/orders',
        { items, ...(more.expectedTotal !== undefined && { expectedTotal: more.expectedTotal }) },
        more.key === undefined ? {} : { 'idempotency-key': more.key },
      ),
    graphql: async (person: TestPerson | undefined, query: string, variables: object = {}) =>
      (await request(person, 'POST', '/graphql', { query, variables })).json(),
    close: async () => {
      await app.close()
      await client.close()
    },
  }
}

export type Running = Awaited<ReturnType<typeof startOrderService>>

export { someAdmin, someone }
