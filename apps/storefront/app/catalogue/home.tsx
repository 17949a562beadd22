import { ArrowRight } from 'lucide-react'
import { Link } from 'react-router'
import { query } from '../api/api.ts'
import { queryOnServer } from '../api/server-client.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { ButtonLink } from '../ui/button.tsx'
import type { Route } from './+types/home.ts'
import { HomeDocument } from './gen/home.ts'
import { ProductCard } from './product-card.tsx'
import { ProductPicture } from './product-picture.tsx'

export const loader = ({ context }: Route.LoaderArgs) => queryOnServer(context, HomeDocument, {})

export const clientLoader = () => query(HomeDocument, {})

/** The first page: what the shop is, its categories, what is new. */
export default function Home({ loaderData: { categories, products } }: Route.ComponentProps) {
  const { messages, href } = useI18n()
  return (
    <>
      <title>{`Halles · ${messages.shop.tagline}`}</title>
      <meta name="description" content={messages.shop.description} />
      <section className="hero grid items-center gap-8 overflow-hidden rounded-3xl px-6 py-10 sm:px-12 sm:py-14 md:grid-cols-[1fr_auto]">
        <div>
          <h1 className="max-w-xl font-display text-4xl font-bold leading-tight sm:text-5xl lg:text-6xl">
            {messages.home.title}
          </h1>
          <p className="mt-4 max-w-md text-lg opacity-90">{messages.home.lead}</p>
          <Link
            to={href('/products')}
            prefetch="intent"
            className="mt-8 inline-flex min-h-12 items-center gap-2 rounded-full bg-[#f7f4ea] px-6 font-semibold text-[#1d4634] hover:bg-white"
          >
            {messages.home.browse}
            <ArrowRight className="size-5" aria-hidden="true" />
          </Link>
        </div>
        <div className="hidden grid-cols-2 gap-3 md:grid" aria-hidden="true">
          {products.nodes.slice(0, 4).map(({ id, image }) => (
            <ProductPicture key={id} image={image} eager sizes="11rem" className="size-36 rounded-2xl lg:size-44" />
          ))}
        </div>
      </section>

      <section aria-labelledby="categories" className="mt-10">
        <h2 id="categories" className="font-display text-2xl font-bold">
          {messages.home.categories}
        </h2>
        <ul className="mt-4 grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-4">
          {categories.map(({ name, productCount }) => (
            <li key={name}>
              <Link
                to={href(`/products?category=${encodeURIComponent(name)}`)}
                prefetch="intent"
                className="flex min-h-16 flex-col justify-center rounded-card border border-line bg-surface px-4 py-3 hover:border-brand"
              >
                <span className="font-semibold [overflow-wrap:anywhere]" dir="auto">
                  {name}
                </span>
                <span className="text-sm text-muted">{messages.home.productCount(productCount)}</span>
              </Link>
            </li>
          ))}
        </ul>
      </section>

      <section aria-labelledby="newest" className="mt-12">
        <div className="flex flex-wrap items-baseline justify-between gap-2">
          <h2 id="newest" className="font-display text-2xl font-bold">
            {messages.home.newest}
          </h2>
          <ButtonLink look="quiet" to={href('/products')} className="px-0">
            {messages.home.seeAll}
          </ButtonLink>
        </div>
        <ul className="mt-4 grid grid-cols-2 gap-3 sm:gap-5 md:grid-cols-3 lg:grid-cols-4">
          {products.nodes.map((product) => (
            <li key={product.id} className="grid">
              <ProductCard product={product} />
            </li>
          ))}
        </ul>
      </section>
    </>
  )
}
