import { ACCOUNT_DELETIONS } from '@halles/contracts/account-deletions'
import { authorizationHeader, findTestPublicKey, type TestPrincipal } from '@halles/test-fixtures/principals'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { MongoClient, type Collection } from 'mongodb'
import { createApp, type Options } from '../src/app.ts'
import { parseConfig } from '../src/config.ts'
import type { StoredOrder } from '../src/order.ts'

export type OrderService = Awaited<ReturnType<typeof startOrderService>>

/** Starts order-service in this process, on a database of its own, with the requests that tests make. */
export async function startOrderService(
  {
    mongodb,
    kafka,
    product,
    database = uniqueDatabaseUrl(mongodb),
  }: Record<'mongodb' | 'kafka' | 'product', string> & { database?: string },
  options: Options = {},
) {
  const settings = parseConfig({
    PORT: '0',
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
    JWKS_URL: 'http://127.0.0.1:1/jwks.json',
    MONGODB_URL: database,
    KAFKA_BROKERS: kafka,
    PRODUCT_GRPC_URL: product,
  })
  // A consumer group of its own: in a shared group each test's instance would get only some of the messages.
  const client = new MongoClient(database)
  const deletions = { topic: ACCOUNT_DELETIONS, groupId: client.db().databaseName }
  const app = await createApp(settings, { findPublicKey: findTestPublicKey, deletions, ...options })
  const stored: Collection<StoredOrder> = client.db().collection('orders')

  const request = async (
    principal: TestPrincipal | undefined,
    method: 'GET' | 'POST' | 'PUT',
    url: string,
    payload?: object,
    headers: Record<string, string> = {},
  ) =>
    app.inject({
      method,
      url,
      headers: { ...headers, ...(principal && (await authorizationHeader(principal))) },
      ...(payload && { payload }),
    })

  return {
    app,
    /** The service's collection, for tests to read and to write what a crash would have left. */
    stored,
    database,
    request,
    placeOrder: (
      customer: TestPrincipal | undefined,
      items: object[],
      { key, expectedTotal }: { key?: string; expectedTotal?: number } = {},
    ) =>
      request(
        customer,
        'POST',
        '/orders',
        { items, ...(expectedTotal !== undefined && { expectedTotal }) },
        key === undefined ? {} : { 'idempotency-key': key },
      ),
    graphql: async (principal: TestPrincipal | undefined, query: string, variables: object = {}) =>
      (await request(principal, 'POST', '/graphql', { query, variables })).json(),
    close: async () => {
      await app.close()
      await client.close()
    },
  }
}
