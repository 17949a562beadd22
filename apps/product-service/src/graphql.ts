import { readFileSync } from 'node:fs'
import { createSubgraphSchema } from '@halles/subgraph/subgraph-schema'
import { toConnection } from '@halles/validation/page'
import { requireAdmin } from '@halles/auth/principal'
import { ClosedObject, createParser, PageQuery } from '@halles/validation/schema'
import type { Resolvers } from './gen/graphql.ts'
import { ProductSort, type StockMovementKind } from './gen/graphql.ts'
import { AdjustStock, CreateProduct, ListProducts, ProductIds, ReplaceProduct } from './products/product.ts'
import type { ProductStore } from './products/products.ts'
import type { PictureStore } from './pictures/pictures.ts'
import { listProducts, readProducts, showProduct } from './products/read-products.ts'
import { archiveProduct, createProduct, replaceProduct, restoreProduct } from './products/write-products.ts'
import { adjustStock } from './stock/adjust-stock.ts'
import { readStockMovements } from './stock/read-stock-movements.ts'
import type { StockLedger } from './stock/stock-ledger.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

const parseListProducts = createParser(ListProducts)
const parseCreateProduct = createParser(CreateProduct)
const parseReplaceProduct = createParser(ReplaceProduct)
const parseAdjustStock = createParser(AdjustStock)
const parseProductIds = createParser(ProductIds)
const parsePage = createParser(ClosedObject(PageQuery))

const sorts = {
  [ProductSort.Newest]: 'newest',
  [ProductSort.Name]: 'name',
  [ProductSort.PriceAsc]: 'price_asc',
  [ProductSort.PriceDesc]: 'price_desc',
  [ProductSort.Relevance]: 'relevance',
} as const

/** Drops null fields: in GraphQL null means the same as an omitted field here. */
const withoutNulls = (input: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined))

type Deps = {
  products: ProductStore
  pictures: PictureStore
  stockLedger: StockLedger
  newId: () => string
  now: () => Date
}

/** Creates the product subgraph: its SDL, its resolvers and the entity resolver of Product. */
export function createProductSubgraph(deps: Deps) {
  const resolvers: Resolvers = {
    Query: {
      product: (_, { id, includeArchived }, { principal }) =>
        showProduct(deps, principal, { id, includeArchived: includeArchived ?? false }),
      products: async (_, { filter, sort, ...page }, { principal }) => {
        const input = withoutNulls({ ...filter, ...page, sort: sort && sorts[sort] })
        return toConnection(await listProducts(deps, principal, parseListProducts(input)))
      },
      productsByIds: (_, args) => readProducts(deps, parseProductIds({ ...args }).ids),
      categories: () => deps.products.categories(),
    },
    // Authorization comes before validation, so these check for an admin first. The use cases check too: the rule is theirs.
    Mutation: {
      createProduct: (_, { input }, { principal }) =>
        createProduct(deps, requireAdmin(principal), parseCreateProduct(withoutNulls(input))),
      updateProduct: (_, { id, input, expectedRevision }, { principal }) =>
        replaceProduct(deps, requireAdmin(principal), {
          id,
          product: parseReplaceProduct(withoutNulls({ ...input, expectedRevision })),
        }),
      deleteProduct: async (_, { id }, { principal }) => {
        await archiveProduct(deps, principal, { id })
        return id
      },
      restoreProduct: (_, { id }, { principal }) => restoreProduct(deps, principal, id),
      adjustStock: (_, { id, ...change }, { principal }) =>
        adjustStock(deps, requireAdmin(principal), { id, ...parseAdjustStock(change) }),
    },
    Product: {
      id: (product) => product._id,
      stockMovements: async ({ _id }, page, { principal }) => {
        requireAdmin(principal)
        return toConnection(await readStockMovements(deps, principal, _id, parsePage(withoutNulls(page))))
      },
    },
    StockMovement: {
      kind: ({ kind }) => kind.toUpperCase() as StockMovementKind,
      by: ({ byId }) => (byId === null ? null : { id: byId }),
      order: ({ orderId }) => (orderId === null ? null : { id: orderId }),
    },
  }
  return createSubgraphSchema({
    sdl,
    resolvers,
    references: {
      Product: (keys) =>
        readProducts(
          deps,
          keys.map(({ id }) => (typeof id === 'string' ? id : '')), // clients choose the representation's fields
        ),
    },
  })
}
