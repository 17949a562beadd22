import { ChevronRight } from 'lucide-react'
import { Suspense, useState } from 'react'
import { Await, data, isRouteErrorResponse, Link, useRouteLoaderData } from 'react-router'
import { query } from '../api/api.ts'
import { ApiError } from '../api/errors.ts'
import { queryOnServer } from '../api/server-client.ts'
import { basket, MAX_QUANTITY, useBasket } from '../basket/basket.ts'
import { QuantityInput } from '../basket/quantity-input.tsx'
import { useI18n } from '../i18n/i18n.tsx'
import type { loader as rootLoader } from '../root.tsx'
import { Button, ButtonLink } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import type { Route } from './+types/product.ts'
import { ProductDocument, type ProductQuery } from './gen/product.ts'
import { RelatedProductsDocument, type RelatedProductsQuery } from './gen/related-products.ts'
import { ProductCard } from './product-card.tsx'
import { ProductPicture } from './product-picture.tsx'
import { StockLabel } from './stock-label.tsx'
import { StructuredData } from './structured-data.tsx'

type Product = NonNullable<ProductQuery['product']>

const notFound = () => data(null, { status: 404 })

/** @throws a 404 for a product that is not sold */
async function orNotFound(result: Promise<ProductQuery>): Promise<Product> {
  const { product } = await result.catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 'NOT_FOUND') throw notFound()
    throw error
  })
  if (product === null) throw notFound()
  return product
}

export async function loader({ context, params: { id } }: Route.LoaderArgs) {
  const product = await orNotFound(queryOnServer(context, ProductDocument, { id }))
  // Streamed after the page.
  const related = queryOnServer(context, RelatedProductsDocument, { category: product.category }).catch(() => undefined)
  return { product, related }
}

export async function clientLoader({ params: { id } }: Route.ClientLoaderArgs) {
  // The card of a list is in the cache, the description is not; stock and price are always asked for.
  const product = await orNotFound(query(ProductDocument, { id }, 'network-only'))
  const related = query(RelatedProductsDocument, { category: product.category }).catch(() => undefined)
  return { product, related }
}

/** A product's page. */
export default function ProductPage({ loaderData: { product, related } }: Route.ComponentProps) {
  const { messages, formats, href } = useI18n()
  const origin = useRouteLoaderData<typeof rootLoader>('root')?.origin ?? ''
  const { id, name, description, category, price, stock, image } = product
  return (
    <>
      <title>{`${name} · Halles`}</title>
      <meta name="description" content={(description ?? messages.shop.description).slice(0, 160)} />
      <StructuredData product={product} url={`${origin}${href(`/products/${id}`)}`} origin={origin} />
      <nav aria-label={messages.product.breadcrumb} className="mb-4 text-sm text-muted">
        <ol className="flex flex-wrap items-center gap-1">
          <li>
            <Link className="inline-flex min-h-11 items-center hover:underline" to={href('/products')}>
              {messages.nav.products}
            </Link>
          </li>
          <li className="flex min-w-0 items-center gap-1">
            <ChevronRight className="size-4 shrink-0" aria-hidden="true" />
            <Link
              className="inline-flex min-h-11 min-w-0 items-center hover:underline [overflow-wrap:anywhere]"
              to={href(`/products?category=${encodeURIComponent(category)}`)}
            >
              {category}
            </Link>
          </li>
        </ol>
      </nav>
      <div className="grid gap-8 *:min-w-0 md:grid-cols-2">
        <ProductPicture
          image={image}
          eager
          sizes="(min-width: 768px) 40vw, 100vw"
          className="aspect-square rounded-3xl"
        />
        <div>
          <h1 className="font-display text-3xl font-bold sm:text-4xl" dir="auto">
            {name}
          </h1>
          <p className="mt-3 text-3xl font-bold tabular-nums">{formats.money(price)}</p>
          <div className="mt-2">
            <StockLabel stock={stock} />
          </div>
          {stock > 0 && <AddToBasket key={id} product={product} />}
          {description !== null && (
            <p className="mt-8 max-w-prose whitespace-pre-line leading-relaxed [overflow-wrap:anywhere]" dir="auto">
              {description}
            </p>
          )}
        </div>
      </div>
      <Suspense fallback={<div className="h-80" />}>
        <Await resolve={related}>{(found) => <Related id={id} found={found} />}</Await>
      </Suspense>
    </>
  )
}

function AddToBasket({ product: { id, price, stock, name } }: { product: Product }) {
  const { messages, href } = useI18n()
  const [quantity, setQuantity] = useState(1)
  const [announced, setAnnounced] = useState(false)
  const inBasket = useBasket().find(({ productId }) => productId === id)?.quantity ?? 0
  return (
    <div className="mt-6">
      <div className="flex flex-wrap items-center gap-3">
        <QuantityInput
          label={messages.product.quantity}
          value={quantity}
          max={Math.min(stock, MAX_QUANTITY)}
          onChange={setQuantity}
        />
        <Button
          onClick={() => {
            basket.add({ productId: id, quantity, price })
            setQuantity(1)
            setAnnounced(true)
          }}
        >
          {messages.product.add}
        </Button>
      </div>
      <p role="status" className="mt-3 min-h-6 font-medium text-ok">
        {announced && <span className="sr-only">{`${messages.product.added} : ${name}. `}</span>}
        {inBasket > 0 && (
          <>
            {messages.product.inBasket(inBasket)}{' '}
            <Link
              to={href('/basket')}
              className="inline-flex min-h-11 items-center font-semibold text-brand underline underline-offset-4"
            >
              {messages.product.seeBasket}
            </Link>
          </>
        )}
      </p>
    </div>
  )
}

function Related({ id, found }: { id: string; found: RelatedProductsQuery | undefined }) {
  const { messages } = useI18n()
  const others = (found?.products.nodes ?? []).filter((product) => product.id !== id).slice(0, 4)
  if (others.length === 0) return null
  return (
    <section aria-labelledby="related" className="mt-14">
      <h2 id="related" className="font-display text-2xl font-bold">
        {messages.product.related}
      </h2>
      <ul className="mt-4 grid grid-cols-2 gap-3 sm:gap-5 lg:grid-cols-4">
        {others.map((product) => (
          <li key={product.id} className="grid">
            <ProductCard product={product} />
          </li>
        ))}
      </ul>
    </section>
  )
}

export function ErrorBoundary({ error }: Route.ErrorBoundaryProps) {
  const { messages, href } = useI18n()
  if (!isRouteErrorResponse(error) || error.status !== 404) throw error
  return (
    <>
      <title>{`${messages.product.notFoundTitle} · Halles`}</title>
      <EmptyState title={messages.product.notFoundTitle} text={messages.product.notFoundText}>
        <ButtonLink to={href('/products')}>{messages.product.back}</ButtonLink>
      </EmptyState>
    </>
  )
}
