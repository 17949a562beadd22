import { useRouteLoaderData } from 'react-router'
import type { loader as rootLoader } from '../root.tsx'

type Product = {
  name: string
  description: string | null
  image: string | null
  category: string
  price: number
  stock: number
}

/** A product for search engines (schema.org/Product), as JSON-LD. `<` is escaped, so that no text can end the script. */
export function StructuredData({ product, url, origin }: { product: Product; url: string; origin: string }) {
  const nonce = useRouteLoaderData<typeof rootLoader>('root')?.nonce
  const { name, description, image, category, price, stock } = product
  const json = JSON.stringify({
    '@context': 'https://schema.org',
    '@type': 'Product',
    name,
    category,
    ...(description !== null && { description }),
    ...(image !== null && { image: new URL(image, `${origin}/`).href }),
    offers: {
      '@type': 'Offer',
      url,
      price: price.toFixed(2),
      priceCurrency: 'EUR',
      availability: `https://schema.org/${stock > 0 ? 'InStock' : 'OutOfStock'}`,
    },
  }).replaceAll('<', String.raw`\u003c`)
  return (
    <script
      type="application/ld+json"
      nonce={nonce}
      suppressHydrationWarning
      dangerouslySetInnerHTML={{ __html: json }}
    />
  )
}
