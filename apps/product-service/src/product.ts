import { Closed, Moment, Nullable, PageQuery, Price } from '@halles/service/schema'
import { Type, type Static } from 'typebox'

/** A product as the shop knows it. `price` is in euros; `stock` is what can be sold now. */
export type Product = {
  _id: string
  name: string
  description: string | null
  price: number
  category: string
  stock: number
  image: string | null
  /** Moves with the content, not with sales. */
  revision: number
  /** No longer sold. */
  archived: boolean
  createdAt: Date
  /** When the content last changed. */
  updatedAt: Date
}

/** What an admin decides about a product, apart from its stock. */
export type Content = Pick<Product, 'name' | 'description' | 'price' | 'category' | 'image'>

export const MOST_STOCK = 1_000_000

/** One line of text: neither blank nor with control characters. */
const Line = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '^(?=.*\\S)[^\\p{Cc}]*$' })

const IN_URL = '[^\\s\\p{Cc}\\\\"<>]'

/** Where a picture is; "//host" and "/\host" would name a host by the back door. No service ever fetches it. */
const Image = Type.String({
  maxLength: 2000,
  pattern: `^(?:https://[^\\s\\p{Cc}\\\\"<>/?#@]+(?:[/?#]${IN_URL}*)?|/(?![/\\\\])${IN_URL}*)$`,
  description: 'An https: URL, or an absolute path',
})

const Stock = Type.Integer({ minimum: 0, maximum: MOST_STOCK })

const content = {
  name: Line(200),
  description: Type.Optional(Nullable(Type.String({ maxLength: 5000 }))),
  price: Price,
  category: Line(60),
  stock: Type.Optional(Stock),
  image: Type.Optional(Nullable(Image)),
}

export const CreateProduct = Closed(content, { title: 'CreateProduct' })
export type CreateProduct = Static<typeof CreateProduct>

export const ReplaceProduct = Closed(
  {
    ...content,
    expectedRevision: Type.Optional(Type.Integer({ description: 'Refused as STALE when the product has another' })),
  },
  { title: 'ReplaceProduct' },
)
export type ReplaceProduct = Static<typeof ReplaceProduct>

export const AdjustStock = Closed(
  { delta: Type.Integer({ minimum: -MOST_STOCK, maximum: MOST_STOCK, description: 'Not 0' }), reason: Line(200) },
  { title: 'AdjustStock' },
)
export type AdjustStock = Static<typeof AdjustStock>

export const sorts = ['newest', 'name', 'price_asc', 'price_desc', 'relevance'] as const
export type ProductSort = (typeof sorts)[number]

export const ListProducts = Closed({
  q: Type.Optional(
    Type.String({ maxLength: 100, description: 'Words, matched by their beginning, accents and case aside' }),
  ),
  category: Type.Optional(Type.String({ maxLength: 60 })),
  minPrice: Type.Optional(Type.Number({ minimum: 0, description: 'Euros' })),
  maxPrice: Type.Optional(Type.Number({ minimum: 0, description: 'Euros' })),
  inStock: Type.Optional(Type.Boolean({ description: 'true: what can be had now; false: what is sold out' })),
  sort: Type.Optional(Type.Enum([...sorts], { description: 'newest, or relevance when there is a q' })),
  ...PageQuery,
})
export type ListProducts = Static<typeof ListProducts>

export const ProductView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    description: Nullable(Type.String()),
    price: Type.Number({ description: 'Euros' }),
    category: Type.String(),
    stock: Type.Integer({ description: 'What can be sold now' }),
    image: Nullable(Type.String()),
    revision: Type.Integer({ description: 'Moves with the content, not with sales' }),
    createdAt: Moment,
    updatedAt: Moment,
  },
  { title: 'Product' },
)
export type ProductView = Static<typeof ProductView>

/** A product as REST answers it. */
export const productView = (product: Product): ProductView => ({
  id: product._id,
  name: product.name,
  description: product.description,
  price: product.price,
  category: product.category,
  stock: product.stock,
  image: product.image,
  revision: product.revision,
  createdAt: product.createdAt.toISOString(),
  updatedAt: product.updatedAt.toISOString(),
})

/** The content of a wish as it is kept: trimmed, what is left out or blank as null. */
export const contentOf = (wish: CreateProduct | ReplaceProduct): Content => ({
  name: wish.name.trim(),
  description: wish.description?.trim() || null,
  price: Math.round(wish.price * 100) / 100,
  category: wish.category.trim(),
  image: wish.image ?? null,
})

/** A whole representation, told from all others of the same product: nothing but content and stock is ever shown. */
export type Version = Pick<Product, 'revision' | 'stock'>

/** What the product must be like for a write to be meant: undefined is whatever it is like now. */
export type Expected = { revision?: number | undefined; versions?: Version[] | undefined }

export const etagOf = ({ revision, stock }: Version): string => `"${revision}-${stock}"`

const tagsIn = (header: string): { weak: boolean; tag: string }[] =>
  [...header.matchAll(/(W\/)?("[^"]*")/g)].map(([, weak, tag]) => ({ weak: weak !== undefined, tag: tag! }))

/** The versions that an If-Match header names, compared strongly; undefined when any will do. */
export function versionsIn(ifMatch: string | undefined): Version[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined
  return tagsIn(ifMatch).flatMap(({ weak, tag }) => {
    const [, revision, stock] = /^"(\d{1,10})-(\d{1,10})"$/.exec(tag) ?? []
    return weak || revision === undefined ? [] : [{ revision: Number(revision), stock: Number(stock) }]
  })
}

/** Whether an If-None-Match header names this version, compared weakly (RFC 9110): then there is nothing new to send. */
export const isKnown = (ifNoneMatch: string | undefined, version: Version): boolean =>
  ifNoneMatch !== undefined &&
  (ifNoneMatch.trim() === '*' || tagsIn(ifNoneMatch).some(({ tag }) => tag === etagOf(version)))
