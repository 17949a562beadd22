import { readFileSync } from 'node:fs'
import { createSubgraphSchema } from '@halles/subgraph/subgraph-schema'
import { toConnection } from '@halles/validation/page'
import { requireAdmin } from '@halles/auth/principal'
import { createParser } from '@halles/validation/schema'
import type { Resolvers } from './gen/graphql.ts'
import { ProductSort } from './gen/graphql.ts'
import { AdjustStock, CreateProduct, ListProducts, ReplaceProduct } from './products/product.ts'
import type { ProductStore } from './products/products.ts'
import { readProduct, readProducts } from './products/read-products.ts'
import { archiveProduct, createProduct, replaceProduct } from './products/write-products.ts'
import { adjustStock } from './stock/adjust-stock.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

const parseListProducts = createParser(ListProducts)
const parseCreateProduct = createParser(CreateProduct)
const parseReplaceProduct = createParser(ReplaceProduct)
const parseAdjustStock = createParser(AdjustStock)

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

type Deps = { products: ProductStore; newId: () => string; now: () => Date }

/** Creates the product subgraph: its SDL, its resolvers and the entity resolver of Product. */
export function createProductSubgraph(deps: Deps) {
  const resolvers: Resolvers = {
    Query: {
      product: (_, { id }) => readProduct(deps, id),
      products: async (_, { filter, sort, ...page }) => {
        const input = withoutNulls({ ...filter, ...page, sort: sort && sorts[sort] })
        return toConnection(await deps.products.page(parseListProducts(input)))
      },
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
      adjustStock: (_, { id, ...change }, { principal }) =>
        adjustStock(deps, requireAdmin(principal), { id, ...parseAdjustStock(change) }),
    },
    Product: { id: (product) => product._id },
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
