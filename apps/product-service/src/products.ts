import { newId } from '@halles/service/ids'
import { pageOf } from '@halles/service/mongo'
import type { Page } from '@halles/service/page'
import type { Db, Filter } from 'mongodb'
import {
  MOST_STOCK,
  type Content,
  type Expected,
  type ListProducts,
  type Product,
  type ProductSort,
} from './product.ts'
import { nameKeyOf, searchFilter, searchScore, searchWordsOf, wordsOf, type SearchWords } from './search.ts'
import type { Transact } from './transactions.ts'

/** What a product's document has beside the product: what it is found and sorted by. */
type Stored = Product & { search: SearchWords; nameKey: string }

/** A change of a product's stock that is neither a sale nor its release: those are the reservations. */
export type Movement = {
  _id: string
  productId: string
  kind: 'opening' | 'adjustment'
  delta: number
  reason: string | null
  /** The admin's id; null for the demo catalogue. */
  by: string | null
  at: Date
}

/** Who changes stock, why and when. */
export type Change = Pick<Movement, 'reason' | 'by' | 'at'>

const keysFor: Record<ProductSort, [key: string, direction: 1 | -1][]> = {
  newest: [['_id', -1]],
  name: [['nameKey', 1]],
  price_asc: [['price', 1]],
  price_desc: [['price', -1], ['_id', -1]], // prettier-ignore
  relevance: [['score', -1], ['_id', -1]], // prettier-ignore
}

const own = ['search', 'nameKey']
const bare = { search: 0, nameKey: 0 } as const

const stored = (product: Product): Stored => ({ ...product, ...derived(product) })
const derived = (content: Content) => ({ search: searchWordsOf(content), nameKey: nameKeyOf(content.name) })

const opening = (product: Product, by: string | null): Movement => ({
  _id: newId(),
  productId: product._id,
  kind: 'opening',
  delta: product.stock,
  reason: null,
  by,
  at: product.createdAt,
})

const fitting = ({ revision, versions }: Expected): Filter<Stored> => ({
  ...(revision !== undefined && { revision }),
  ...(versions && { $or: versions.length > 0 ? versions : [{ revision: -1 }] }), // $or must not be empty
})

export type Products = Awaited<ReturnType<typeof productsIn>>

/**
 * The catalogue in MongoDB. A write goes through `transact` even when it is one update: outside of a transaction it would
 * wait for whatever a killed process has left locked, inside it conflicts at once and the sweeper comes.
 */
export async function productsIn(db: Db, transact: Transact) {
  const products = db.collection<Stored>('products')
  const movements = db.collection<Movement>('movements')
  // Stock is in no index: a sale changes it, and an index would make every sale dearer.
  await products.createIndexes([
    { key: { archived: 1, _id: -1 } },
    { key: { archived: 1, price: 1, _id: 1 } },
    { key: { archived: 1, nameKey: 1, _id: 1 } },
    { key: { archived: 1, category: 1, price: 1, _id: 1 } },
    { key: { archived: 1, category: 1, nameKey: 1, _id: 1 } },
    { key: { archived: 1, category: 1, _id: -1 } },
    { key: { archived: 1, 'search.words': 1 } },
  ])
  await movements.createIndex({ productId: 1, _id: 1 })

  return {
    /** The product, archived or not; undefined when there is none. */
    find: async (id: string): Promise<Product | undefined> =>
      (await products.findOne({ _id: id }, { projection: bare })) ?? undefined,

    /** Those of the products that exist, archived ones among them, by id. */
    findAll: async (ids: readonly string[]): Promise<Map<string, Product>> => {
      const found = await products.find({ _id: { $in: [...new Set(ids)] } }, { projection: bare }).toArray()
      return new Map(found.map((product) => [product._id, product]))
    },

    /** One page of what is on sale. */
    page: ({ q, category, minPrice, maxPrice, inStock, sort, first, after }: ListProducts): Promise<Page<Product>> => {
      const words = wordsOf(q ?? '')
      const by = sort ?? 'relevance'
      const ranked = by === 'relevance' && words.length > 0
      const filter: Filter<Stored> = {
        archived: false,
        ...(category && { category }),
        ...((minPrice ?? maxPrice) !== undefined && {
          price: {
            ...(minPrice !== undefined && { $gte: minPrice }),
            ...(maxPrice !== undefined && { $lte: maxPrice }),
          },
        }),
        ...(inStock !== undefined && { stock: inStock ? { $gt: 0 } : 0 }),
        ...(words.length > 0 && { $and: searchFilter(words) }),
      }
      return pageOf<Stored>(
        products,
        {
          list: 'products',
          filter,
          sort: keysFor[by === 'relevance' && !ranked ? 'newest' : by],
          omit: by === 'name' ? ['search'] : own, // the name key goes into cursors
          ...(ranked && { compute: { score: searchScore(words) } }),
        },
        { first, after },
      )
    },

    /** The categories that have something on sale, with how many products each has; in no order. */
    categories: (): Promise<{ name: string; productCount: number }[]> =>
      products
        .aggregate<{ name: string; productCount: number }>([
          { $match: { archived: false } },
          { $group: { _id: '$category', productCount: { $sum: 1 } } },
          { $project: { _id: 0, name: '$_id', productCount: 1 } },
        ])
        .toArray(),

    /** Adds a new product with its opening stock. */
    add: (product: Product, by: string): Promise<void> =>
      transact(async (session) => {
        await products.insertOne(stored(product), { session })
        await movements.insertOne(opening(product, by), { session })
      }),

    /** Fills a catalogue in which nothing ever was: all of it or, when another process was first, nothing. */
    fill: (all: Product[]): Promise<boolean> =>
      transact(async (session) => {
        if (await products.findOne({}, { session, projection: { _id: 1 } })) return false
        await products.insertMany(all.map(stored), { session })
        await movements.insertMany(all.map((product) => opening(product, null)), { session }) // prettier-ignore
        return true
      }),

    /**
     * Replaces the content of a product on sale, and its stock when there is one to set: the difference to what is there
     * at this very write is an adjustment. Undefined when there is no such product as expected.
     */
    replace: (
      id: string,
      content: Content,
      expected: Expected,
      stock: number | undefined,
      { by, reason, at }: Change,
    ) =>
      transact(async (session): Promise<Product | undefined> => {
        const before = await products.findOneAndUpdate(
          { _id: id, archived: false, ...fitting(expected) },
          {
            $set: { ...content, ...derived(content), updatedAt: at, ...(stock !== undefined && { stock }) },
            $inc: { revision: 1 },
          },
          { session, projection: bare, returnDocument: 'before' },
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
     * Adds to the stock of a product on sale; undefined when there is none, or the sum would leave 0 to 1,000,000. What
     * was released may have gone beyond that already: taking from it is fine.
     */
    adjust: (id: string, delta: number, { by, reason, at }: Change) =>
      transact(async (session): Promise<Product | undefined> => {
        const after = await products.findOneAndUpdate(
          { _id: id, archived: false, stock: delta < 0 ? { $gte: -delta } : { $lte: MOST_STOCK - delta } },
          { $inc: { stock: delta } },
          { session, projection: bare, returnDocument: 'after' },
        )
        if (!after) return undefined
        await movements.insertOne(
          { _id: newId(), productId: id, kind: 'adjustment', delta, reason, by, at },
          { session },
        )
        return after
      }),

    /** Takes a product off sale, for good; false when there is no such product on sale as expected. */
    archive: (id: string, expected: Expected, at: Date): Promise<boolean> =>
      transact(async (session) => {
        const { modifiedCount } = await products.updateOne(
          { _id: id, archived: false, ...fitting(expected) },
          { $set: { archived: true, updatedAt: at }, $inc: { revision: 1 } },
          { session },
        )
        return modifiedCount === 1
      }),
  }
}
