import { readFileSync } from 'node:fs'
import { subgraph } from '@halles/service/graphql'
import { connection } from '@halles/service/page'
import { admin } from '@halles/service/person'
import { reader } from '@halles/service/schema'
import { adjustStock } from './adjust-stock.ts'
import { archiveProduct } from './archive-product.ts'
import { createProduct } from './create-product.ts'
import type { Resolvers } from './gen/graphql.ts'
import { ProductSort } from './gen/graphql.ts'
import { listCategories } from './list-categories.ts'
import { listProducts } from './list-products.ts'
import { AdjustStock, CreateProduct, ListProducts, ReplaceProduct } from './product.ts'
import { readProduct, readProducts } from './read-products.ts'
import { replaceProduct } from './replace-product.ts'
import type { Shop } from './shop.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

const readList = reader(ListProducts)
const readCreate = reader(CreateProduct)
const readReplace = reader(ReplaceProduct)
const readAdjust = reader(AdjustStock)

const sorts = {
  [ProductSort.Newest]: 'newest',
  [ProductSort.Name]: 'name',
  [ProductSort.PriceAsc]: 'price_asc',
  [ProductSort.PriceDesc]: 'price_desc',
  [ProductSort.Relevance]: 'relevance',
} as const

/** What GraphQL was given: there, null and left out are the same. */
const given = (input: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined))

/** The product subgraph. */
export function productSubgraph(shop: Shop) {
  const resolvers: Resolvers = {
    Query: {
      product: (_, { id }) => readProduct(shop, id),
      products: async (_, { filter, sort, ...page }) => {
        const wish = given({ ...filter, ...page, sort: sort && sorts[sort] })
        return connection(await listProducts(shop, readList(wish)))
      },
      categories: () => listCategories(shop),
    },
    // Who asks matters before what, so admin() comes first; the use cases ask again, as the rule is theirs.
    Mutation: {
      createProduct: (_, { input }, { person }) => createProduct(shop, admin(person), readCreate(given(input))),
      updateProduct: (_, { id, input, expectedRevision }, { person }) =>
        replaceProduct(shop, admin(person), { id, product: readReplace(given({ ...input, expectedRevision })) }),
      deleteProduct: async (_, { id }, { person }) => {
        await archiveProduct(shop, person, { id })
        return id
      },
      adjustStock: (_, { id, ...change }, { person }) =>
        adjustStock(shop, admin(person), { id, ...readAdjust(change) }),
    },
    Product: { id: (product) => product._id },
  }
  return subgraph({
    sdl,
    resolvers,
    references: {
      Product: (keys) =>
        readProducts(
          shop,
          keys.map(({ id }) => (typeof id === 'string' ? id : '')), // a representation may say anything
        ),
    },
  })
}
