import { ProductServiceClient } from '@halles/contracts/product-grpc'
import { ask } from '@halles/service/grpc'
import { ownDatabase } from '@halles/testkit/database'
import { as, someAdmin, testKeyOf, type TestPerson } from '@halles/testkit/people'
import { credentials } from '@grpc/grpc-js'
import { MongoClient } from 'mongodb'
import { inject } from 'vitest'
import { createApp } from '../src/app.ts'
import { configFrom } from '../src/config.ts'
import { archiveProduct } from '../src/archive-product.ts'
import type { Product } from '../src/product.ts'
import { aProduct, ledgerOn, misfitsIn } from './ledger.ts'

export type Running = Awaited<ReturnType<typeof startProductService>>

/** Product-service on a database of its own, and what tests say to it. */
export async function startProductService({
  database = ownDatabase(inject('mongodb'), 'product'),
  ...env
}: { database?: string } & NodeJS.ProcessEnv = {}) {
  const settings = configFrom({
    PORT: '0',
    GRPC_PORT: '0',
    LOG_LEVEL: 'silent',
    JWKS_URL: 'http://127.0.0.1:1/jwks.json',
    MONGODB_URL: database,
    ...env,
  })
  const app = await createApp(settings, testKeyOf)
  const client = new MongoClient(database)
  const ledger = await ledgerOn(database)
  const admin = someAdmin()
  const grpc = new ProductServiceClient(`127.0.0.1:${app.grpcPort}`, credentials.createInsecure())

  const request = async (
    person: TestPerson | undefined,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
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

  const graphql = async (
    person: TestPerson | undefined,
    query: string,
    variables: object = {},
  ): Promise<{ data: any; errors?: any[] }> => (await request(person, 'POST', '/graphql', { query, variables })).json()

  return {
    app,
    database,
    db: client.db(),
    admin,
    grpc,
    request,
    graphql,
    /** Puts a product straight onto the shelf, with whatever a test wants to be special about it. */
    put: async (more: Partial<Product> = {}): Promise<Product> => {
      const product = aProduct(more)
      await ledger.products.add({ ...product, archived: false }, admin.id)
      if (product.archived)
        await archiveProduct({ products: ledger.products, now: () => new Date() }, admin, { id: product._id })
      return product
    },
    stockOf: async (id: string): Promise<number | undefined> => (await ledger.products.find(id))?.stock,
    reserve: (orderId: string, items: { productId: string; quantity: number }[]) =>
      ask(grpc.reserveStock.bind(grpc), { orderId, items }, 10_000),
    release: (orderId: string) => ask(grpc.releaseStock.bind(grpc), { orderId }, 10_000),
    /** The products whose stock is not what the ledger says. */
    misfits: () => misfitsIn(client.db()),
    close: async (): Promise<void> => {
      grpc.close()
      await app.close()
      await client.db().dropDatabase()
      await client.close()
      await ledger.close()
    },
  }
}
