import { createHash } from 'node:crypto'
import rows from './catalogue.json' with { type: 'json' }
import type { Drawn } from './drawings.ts'
import type { Product } from './product.ts'

/** A product of the demo market, and how its picture is drawn. */
export type DemoProduct = Pick<Product, 'name' | 'price' | 'category' | 'stock'> & {
  slug: string
  description: string
  drawing: Drawn
  colours: [main: string, second: string]
}

/** A market to look at: what DEMO_CATALOGUE fills an empty catalogue with. */
export const catalogue = rows as DemoProduct[]

/** When the market opened: part of the ids, and long ago enough for whatever an admin adds to be newer. */
const OPENED = Date.UTC(2026, 0, 5, 7)

/** The demo market as products, created at `at`. Their ids are the same everywhere, so that links and scripts keep. */
export const catalogueProducts = (at: Date): Product[] =>
  catalogue.map(({ slug, name, description, price, category, stock }, i) => ({
    _id: idFor(slug, OPENED + i * 60_000),
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

/** A UUIDv7 of that moment (RFC 9562) with the hash of the slug in place of chance. */
function idFor(slug: string, ms: number): string {
  const time = ms.toString(16).padStart(12, '0')
  const hash = createHash('sha256').update(slug).digest('hex')
  return [time.slice(0, 8), time.slice(8), `7${hash.slice(0, 3)}`, `8${hash.slice(3, 6)}`, hash.slice(6, 18)].join('-')
}
