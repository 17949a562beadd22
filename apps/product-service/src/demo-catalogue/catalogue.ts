import { createHash } from 'node:crypto'
import type { Product } from '../products/product.ts'
import rows from './catalogue.json' with { type: 'json' }

/** A product of the demo catalogue; its image is `images/<slug>.svg`. */
export type DemoProduct = Pick<Product, 'name' | 'price' | 'category' | 'stock'> & {
  slug: string
  description: string
}

/** The demo catalogue, with which DEMO_CATALOGUE fills an empty database. */
export const catalogue: DemoProduct[] = rows

/** The timestamp in the first product's id: in the past, so that products created later sort as newer. */
const FIRST_ID_TIME = Date.UTC(2026, 0, 5, 7)

/** Returns the demo catalogue as products created at `at`. Their ids are the same in every database. */
export const demoProducts = (at: Date): Product[] =>
  catalogue.map(({ slug, name, description, price, category, stock }, i) => ({
    _id: deriveId(slug, FIRST_ID_TIME + i * 60_000),
    name,
    description,
    price,
    category,
    stock,
    image: `/images/${slug}.svg`,
    revision: 1,
    archived: false,
    createdAt: at,
    updatedAt: at,
  }))

/** A UUIDv7 (RFC 9562) of the time `ms`, with a hash of the slug in place of random bits. */
function deriveId(slug: string, ms: number): string {
  const time = ms.toString(16).padStart(12, '0')
  const hash = createHash('sha256').update(slug).digest('hex')
  return [time.slice(0, 8), time.slice(8), `7${hash.slice(0, 3)}`, `8${hash.slice(3, 6)}`, hash.slice(6, 18)].join('-')
}
