import { credentials } from '@grpc/grpc-js'
import { ProductServiceClient } from '@halles/contracts/product-grpc'
import { callUnary } from '@halles/grpc/grpc'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import {
  authorizationHeader,
  createAdmin,
  findTestPublicKey,
  type TestPrincipal,
} from '@halles/test-fixtures/principals'
import { MongoClient } from 'mongodb'
import { inject } from 'vitest'
import { createApp } from '../src/app.ts'
import { parseConfig } from '../src/config.ts'
import type { Product } from '../src/products/product.ts'
import { archiveProduct } from '../src/products/write-products.ts'
import { buildProduct, createStockFixture, findLedgerMismatches } from './stock-fixture.ts'

export type ProductServiceFixture = Awaited<ReturnType<typeof startProductService>>

/** Starts product-service in this process, on a database of its own, and returns clients of its APIs. */
export async function startProductService({
  database = uniqueDatabaseUrl(inject('mongodb'), 'product'),
  ...env
}: { database?: string } & NodeJS.ProcessEnv = {}) {
  const settings = parseConfig({
    PORT: '0',
    GRPC_PORT: '0',
    LOG_LEVEL: 'silent',
    JWKS_URL: 'http://127.0.0.1:1/jwks.json',
    MONGODB_URL: database,
    ...env,
  })
  const app = await createApp(settings, findTestPublicKey)
  const client = new MongoClient(database)
  const stock = await createStockFixture(database)
  const admin = createAdmin()
  const grpc = new ProductServiceClient(`127.0.0.1:${app.grpcPort}`, credentials.createInsecure())

  const request = async (
    actor: TestPrincipal | undefined,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    payload?: object,
    headers: Record<string, string> = {},
  ) =>
    app.inject({
      method,
      url,
      headers: { ...headers, ...(actor && (await authorizationHeader(actor))) },
      ...(payload && { payload }),
    })

  const graphql = async (
    actor: TestPrincipal | undefined,
    query: string,
    variables: object = {},
  ): Promise<{ data: any; errors?: any[] }> => (await request(actor, 'POST', '/graphql', { query, variables })).json()

  return {
    app,
    database,
    db: client.db(),
    admin,
    grpc,
    request,
    graphql,
    /** Stores a product without the API, with the given fields. */
    addProduct: async (overrides: Partial<Product> = {}): Promise<Product> => {
      const product = buildProduct(overrides)
      await stock.products.add({ ...product, archived: false }, admin.id)
      if (product.archived)
        await archiveProduct({ products: stock.products, now: () => new Date() }, admin, { id: product._id })
      return product
    },
    readStock: stock.readStock,
    reserve: (orderId: string, items: { productId: string; quantity: number }[]) =>
      callUnary(grpc.reserveStock.bind(grpc), { orderId, items }, 10_000),
    release: (orderId: string) => callUnary(grpc.releaseStock.bind(grpc), { orderId }, 10_000),
    findLedgerMismatches: () => findLedgerMismatches(client.db()),
    close: async (): Promise<void> => {
      grpc.close()
      await app.close()
      await client.db().dropDatabase()
      await client.close()
      await stock.close()
    },
  }
}
