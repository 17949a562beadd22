import { toCents, toEuros } from '@halles/validation/money'
import { ClosedObject, Timestamp, Nullable, PageQuery, Price } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'

/** A product of the catalogue. `price` is in euros; `stock` is what can be sold now, without what is reserved. */
export type Product = {
  _id: string
  name: string
  description: string | null
  price: number
  category: string
  stock: number
  image: string | null
  /** Incremented by each change of content, not by sales. */
  revision: number
  /** No longer sold. */
  archived: boolean
  createdAt: Date
  /** When the content last changed. */
  updatedAt: Date
}

/** What an admin decides about a product, apart from its stock. */
export type Content = Pick<Product, 'name' | 'description' | 'price' | 'category' | 'image'>

export const MAX_STOCK = 1_000_000

/** One line of text: neither blank nor with control characters. */
const Line = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '^(?=.*\\S)[^\\p{Cc}]*$' })

const URL_CHARACTER = '[^\\s\\p{Cc}\\\\"<>]'

/** Browsers resolve "//host" and "/\host" to another host, so no path may begin like that. No service fetches the URL. */
const Image = Type.String({
  maxLength: 2000,
  pattern: `^(?:https://[^\\s\\p{Cc}\\\\"<>/?#@]+(?:[/?#]${URL_CHARACTER}*)?|/(?![/\\\\])${URL_CHARACTER}*)$`,
  description: 'An https: URL, or an absolute path',
})

const Stock = Type.Integer({ minimum: 0, maximum: MAX_STOCK })

const content = {
  name: Line(200),
  description: Type.Optional(Nullable(Type.String({ maxLength: 5000 }))),
  price: Price,
  category: Line(60),
  stock: Type.Optional(Stock),
  image: Type.Optional(Nullable(Image)),
}

export const CreateProduct = ClosedObject(content, { title: 'CreateProduct' })
export type CreateProduct = Static<typeof CreateProduct>

export const ReplaceProduct = ClosedObject(
  {
    ...content,
    expectedRevision: Type.Optional(
      Type.Integer({ description: 'Precondition: STALE when the product has another revision' }),
    ),
  },
  { title: 'ReplaceProduct' },
)
export type ReplaceProduct = Static<typeof ReplaceProduct>

export const AdjustStock = ClosedObject(
  { delta: Type.Integer({ minimum: -MAX_STOCK, maximum: MAX_STOCK, description: 'Not 0' }), reason: Line(200) },
  { title: 'AdjustStock' },
)
export type AdjustStock = Static<typeof AdjustStock>

export const sorts = ['newest', 'name', 'price_asc', 'price_desc', 'relevance'] as const
export type ProductSort = (typeof sorts)[number]

export const ListProducts = ClosedObject({
  q: Type.Optional(
    Type.String({ maxLength: 100, description: 'Words, matched by prefix, without regard to accents and case' }),
  ),
  category: Type.Optional(Type.String({ maxLength: 60 })),
  minPrice: Type.Optional(Type.Number({ minimum: 0, description: 'Euros' })),
  maxPrice: Type.Optional(Type.Number({ minimum: 0, description: 'Euros' })),
  inStock: Type.Optional(Type.Boolean({ description: 'true: in stock only; false: sold out only' })),
  maxStock: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_STOCK, description: 'At most so many in stock' })),
  archived: Type.Optional(Type.Boolean({ description: 'true: the archived products instead, for admins' })),
  sort: Type.Optional(Type.Enum([...sorts], { description: 'Default: relevance when there is a q, else newest' })),
  ...PageQuery,
})
export type ListProducts = Static<typeof ListProducts>

export const ReadProduct = ClosedObject({
  includeArchived: Type.Optional(Type.Boolean({ description: 'true: the product even if it is archived, for admins' })),
})
export type ReadProduct = Static<typeof ReadProduct>

/** The ids of `productsByIds`. Any text is a valid id: an unknown one is null in the result. */
export const ProductIds = ClosedObject({ ids: Type.Array(Type.String(), { maxItems: 100 }) })

export const ProductView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    description: Nullable(Type.String()),
    price: Type.Number({ description: 'Euros' }),
    category: Type.String(),
    stock: Type.Integer({ description: 'What can be sold now' }),
    image: Nullable(Type.String()),
    revision: Type.Integer({ description: 'Incremented by each change of content, not by sales' }),
    archived: Type.Boolean({ description: 'No longer sold' }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { title: 'Product' },
)
export type ProductView = Static<typeof ProductView>

/** A product's representation in REST. */
export const productView = (product: Product): ProductView => ({
  id: product._id,
  name: product.name,
  description: product.description,
  price: product.price,
  category: product.category,
  stock: product.stock,
  image: product.image,
  revision: product.revision,
  archived: product.archived,
  createdAt: product.createdAt.toISOString(),
  updatedAt: product.updatedAt.toISOString(),
})

/** Normalizes the content of an input for storage: trims text, and replaces omitted and blank optional fields by null. */
export const toContent = (input: CreateProduct | ReplaceProduct): Content => ({
  name: input.name.trim(),
  description: input.description?.trim() || null,
  price: toEuros(toCents(input.price)),
  category: input.category.trim(),
  image: input.image ?? null,
})

/** Identifies one representation of a product: only content (by its revision) and stock are ever shown. */
export type Version = Pick<Product, 'revision' | 'stock'>

/** What a write expects of the product. An undefined field expects nothing. */
export type Precondition = { revision?: number | undefined; versions?: Version[] | undefined }

export const toEtag = ({ revision, stock }: Version): string => `"${revision}-${stock}"`

const parseEntityTags = (header: string): { weak: boolean; tag: string }[] =>
  [...header.matchAll(/(W\/)?("[^"]*")/g)].map(([, weak, tag]) => ({ weak: weak !== undefined, tag: tag! }))

/**
 * Parses an If-Match header (RFC 9110 §13.1.1) to the versions that it names. Weak and foreign tags name none; undefined
 * means that any version matches.
 */
export function parseIfMatch(ifMatch: string | undefined): Version[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined
  return parseEntityTags(ifMatch).flatMap(({ weak, tag }) => {
    const [, revision, stock] = /^"(\d{1,10})-(\d{1,10})"$/.exec(tag) ?? []
    return weak || revision === undefined ? [] : [{ revision: Number(revision), stock: Number(stock) }]
  })
}

/** Whether an If-None-Match header names an entity tag, by weak comparison (RFC 9110 §13.1.2): the answer is 304 then. */
export const matchesTag = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined &&
  (ifNoneMatch.trim() === '*' || parseEntityTags(ifNoneMatch).some(({ tag }) => tag === etag))
