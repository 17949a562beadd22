import { newId } from '@halles/mongo/ids'
import { findPage } from '@halles/mongo/mongo'
import type { Page } from '@halles/validation/page'
import type { Db, Filter } from 'mongodb'
import type { Transact } from '../transactions.ts'
import { limitWork } from '../limit-work.ts'
import {
  MAX_STOCK,
  type Content,
  type ListProducts,
  type Precondition,
  type Product,
  type ProductSort,
} from './product.ts'
import { relevanceScore, searchConditions, tokenize, toNameKey, toSearchTerms, type SearchTerms } from './search.ts'

/** A product's document: the product, and the derived fields for search and sorting. */
type StoredProduct = Product & { search: SearchTerms; nameKey: string }

/** A stock change of the ledger that is no sale: reservations record sales and their releases. */
export type StockChangeDocument = {
  _id: string
  productId: string
  kind: 'opening' | 'adjustment'
  delta: number
  reason: string | null
  /** The admin's id; null for the demo catalogue. */
  by: string | null
  at: Date
}

/** Why stock changes, by whom and when. */
export type StockChange = Pick<StockChangeDocument, 'reason' | 'by' | 'at'>

const sortKeys: Record<ProductSort, [key: string, direction: 1 | -1][]> = {
  newest: [['_id', -1]],
  name: [['nameKey', 1]],
  price_asc: [['price', 1]],
  price_desc: [['price', -1], ['_id', -1]], // prettier-ignore
  relevance: [['score', -1], ['_id', -1]], // prettier-ignore
}

const derivedFields = ['search', 'nameKey']
const withoutDerived = { search: 0, nameKey: 0 } as const

const deriveFields = (content: Content) => ({ search: toSearchTerms(content), nameKey: toNameKey(content.name) })
const toStored = (product: Product): StoredProduct => ({ ...product, ...deriveFields(product) })

const openingMovement = (product: Product, by: string | null): StockChangeDocument => ({
  _id: newId(),
  productId: product._id,
  kind: 'opening',
  delta: product.stock,
  reason: null,
  by,
  at: product.createdAt,
})

const preconditionFilter = ({ revision, versions }: Precondition): Filter<StoredProduct> => ({
  ...(revision !== undefined && { revision }),
  ...(versions && { $or: versions.length > 0 ? versions : [{ revision: -1 }] }), // $or must not be empty
})

/** Sold out, in stock, or either, and at most `maxStock`. */
const stockRange = (inStock: boolean | undefined, maxStock = Infinity) => ({
  ...(inStock === true && { $gt: 0 }),
  $lte: inStock === false ? 0 : maxStock,
})

export type ProductStore = Awaited<ReturnType<typeof createProductStore>>

/** How long MongoDB works on a read at most, in milliseconds. */
export const READ_TIMEOUT = 3000

/** MongoDB works on two searches of a process at a time; each makes two queries, the page and its count. */
const SEARCH_LIMIT = {
  concurrency: 2,
  maxOpen: 64,
  timeout: 3000,
  busy: 'Too many searches are running: try again in a moment.',
}

const frenchCollator = new Intl.Collator('fr')

/**
 * The catalogue in MongoDB. Each write runs in a transaction, even a single update: outside of one it would wait for the
 * locks of an abandoned transaction, inside of one it conflicts at once, and `transact` aborts the abandoned one.
 */
export async function createProductStore(db: Db, transact: Transact) {
  const products = db.collection<StoredProduct>('products')
  const movements = db.collection<StockChangeDocument>('movements')
  // No index holds stock: every sale would have to update it.
  await products.createIndexes([
    { key: { archived: 1, _id: -1 } },
    { key: { archived: 1, price: 1, _id: 1 } },
    { key: { archived: 1, nameKey: 1, _id: 1 } },
    { key: { archived: 1, category: 1, price: 1, _id: 1 } },
    { key: { archived: 1, category: 1, nameKey: 1, _id: 1 } },
    { key: { archived: 1, category: 1, _id: -1 } },
    { key: { archived: 1, 'search.words': 1 } },
    { key: { image: 1 } },
  ])
  await movements.createIndex({ productId: 1, _id: 1 })

  const readPage = ({
    q,
    category,
    minPrice,
    maxPrice,
    inStock,
    maxStock,
    archived = false,
    sort,
    first,
    after,
  }: ListProducts): Promise<Page<Product>> => {
    const words = tokenize(q ?? '')
    const sortBy = sort ?? 'relevance'
    const isRanked = sortBy === 'relevance' && words.length > 0
    const filter: Filter<StoredProduct> = {
      archived,
      ...(category && { category }),
      ...((minPrice ?? maxPrice) !== undefined && {
        price: {
          ...(minPrice !== undefined && { $gte: minPrice }),
          ...(maxPrice !== undefined && { $lte: maxPrice }),
        },
      }),
      ...((inStock ?? maxStock) !== undefined && { stock: stockRange(inStock, maxStock) }),
      ...(words.length > 0 && { $and: searchConditions(words) }),
    }
    return findPage<StoredProduct>(
      products,
      {
        list: 'products',
        filter,
        sort: sortKeys[sortBy === 'relevance' && !isRanked ? 'newest' : sortBy],
        maxTimeMS: READ_TIMEOUT,
        omit: sortBy === 'name' ? ['search'] : derivedFields, // nameKey is part of the cursor
        ...(isRanked && { compute: { score: relevanceScore(words) } }),
      },
      { first, after },
    )
  }
  const search = limitWork(readPage, SEARCH_LIMIT)

  return {
    /** Returns the product, archived or not, undefined for an unknown id. */
    find: async (id: string): Promise<Product | undefined> =>
      (await products.findOne({ _id: id }, { projection: withoutDerived, maxTimeMS: READ_TIMEOUT })) ?? undefined,

    /** Returns the products that exist, archived or not, by id. */
    findAll: async (ids: readonly string[]): Promise<Map<string, Product>> => {
      const found = await products
        .find({ _id: { $in: [...new Set(ids)] } }, { projection: withoutDerived, maxTimeMS: READ_TIMEOUT })
        .toArray()
      return new Map(found.map((product) => [product._id, product]))
    },

    /**
     * Returns a page of the products on sale, or of the archived ones. A `minPrice` above `maxPrice` matches nothing. Pages by text or stock have no index
     * that fits them, so they are limited as searches.
     *
     * @throws AppError `VALIDATION_FAILED` for a cursor of another filter or sort; `UNAVAILABLE`, `TIMEOUT` when there are too many
     *   searches
     */
    page: (query: ListProducts): Promise<Page<Product>> =>
      (query.q ?? query.inStock ?? query.maxStock) === undefined ? readPage(query) : search(query),

    /** Returns the categories that have products on sale, in French alphabetical order, with their numbers of products. */
    categories: async (): Promise<{ name: string; productCount: number }[]> => {
      const categories = await products
        .aggregate<{ name: string; productCount: number }>(
          [
            { $match: { archived: false } },
            { $group: { _id: '$category', productCount: { $sum: 1 } } },
            { $project: { _id: 0, name: '$_id', productCount: 1 } },
          ],
          { maxTimeMS: READ_TIMEOUT },
        )
        .toArray()
      return categories.toSorted((a, b) => frenchCollator.compare(a.name, b.name))
    },

    /** Inserts a new product and its opening stock. */
    add: (product: Product, by: string): Promise<void> =>
      transact(async (session) => {
        await products.insertOne(toStored(product), { session })
        await movements.insertOne(openingMovement(product, by), { session })
      }),

    /** Inserts all the products when the catalogue never had any, and returns whether it did; otherwise inserts none. */
    fillIfEmpty: (all: Product[]): Promise<boolean> =>
      transact(async (session) => {
        if (await products.findOne({}, { session, projection: { _id: 1 } })) return false
        await products.insertMany(all.map(toStored), { session })
        await movements.insertMany(all.map((product) => openingMovement(product, null)), { session }) // prettier-ignore
        return true
      }),

    /**
     * Replaces the content of a product on sale, and its stock when `stock` is given: the difference to the stock at the
     * moment of the write is stored as an adjustment. Returns undefined when no product on sale meets the precondition.
     */
    replace: (
      id: string,
      content: Content,
      precondition: Precondition,
      stock: number | undefined,
      { by, reason, at }: StockChange,
    ) =>
      transact(async (session): Promise<Product | undefined> => {
        const before = await products.findOneAndUpdate(
          { _id: id, archived: false, ...preconditionFilter(precondition) },
          {
            $set: { ...content, ...deriveFields(content), updatedAt: at, ...(stock !== undefined && { stock }) },
            $inc: { revision: 1 },
          },
          { session, projection: withoutDerived, returnDocument: 'before' },
        )
        if (!before) return undefined
        const delta = stock === undefined ? 0 : stock - before.stock
        if (delta !== 0)
          await movements.insertOne(
            { _id: newId(), productId: id, kind: 'adjustment', delta, reason, by, at },
            { session },
          )
        return { ...before, ...content, stock: before.stock + delta, revision: before.revision + 1, updatedAt: at }
      }),

    /**
     * Adds `delta` to the stock of a product on sale. Returns undefined when there is no such product, or when the sum
     * would be below 0 or above 1,000,000. Releases may exceed that maximum, so a negative delta does not check it.
     */
    adjustStock: (id: string, delta: number, { by, reason, at }: StockChange) =>
      transact(async (session): Promise<Product | undefined> => {
        const after = await products.findOneAndUpdate(
          { _id: id, archived: false, stock: delta < 0 ? { $gte: -delta } : { $lte: MAX_STOCK - delta } },
          { $inc: { stock: delta } },
          { session, projection: withoutDerived, returnDocument: 'after' },
        )
        if (!after) return undefined
        await movements.insertOne(
          { _id: newId(), productId: id, kind: 'adjustment', delta, reason, by, at },
          { session },
        )
        return after
      }),

    /** Gives a product on sale an image. Returns undefined when no product on sale meets the precondition. */
    setImage: (id: string, image: string, precondition: Precondition, at: Date): Promise<Product | undefined> =>
      transact(async (session) => {
        const after = await products.findOneAndUpdate(
          { _id: id, archived: false, ...preconditionFilter(precondition) },
          { $set: { image, updatedAt: at }, $inc: { revision: 1 } },
          { session, projection: withoutDerived, returnDocument: 'after' },
        )
        return after ?? undefined
      }),

    /** Returns those of the images that products have, archived ones included. */
    findImages: async (images: readonly string[]): Promise<Set<string>> => {
      const found = await products
        .find({ image: { $in: [...images] } }, { projection: { _id: 0, image: 1 }, maxTimeMS: READ_TIMEOUT })
        .toArray()
      return new Set(found.flatMap(({ image }) => image ?? []))
    },

    /** Archives a product. Returns false when no product on sale meets the precondition. */
    archive: (id: string, precondition: Precondition, at: Date): Promise<boolean> =>
      transact(async (session) => {
        const { modifiedCount } = await products.updateOne(
          { _id: id, archived: false, ...preconditionFilter(precondition) },
          { $set: { archived: true, updatedAt: at }, $inc: { revision: 1 } },
          { session },
        )
        return modifiedCount === 1
      }),

    /** Puts an archived product on sale again. Returns undefined when there is no such archived product. */
    restore: (id: string, at: Date): Promise<Product | undefined> =>
      transact(async (session) => {
        const after = await products.findOneAndUpdate(
          { _id: id, archived: true },
          { $set: { archived: false, updatedAt: at }, $inc: { revision: 1 } },
          { session, projection: withoutDerived, returnDocument: 'after' },
        )
        return after ?? undefined
      }),
  }
}
