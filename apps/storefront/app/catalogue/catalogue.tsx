import { useEffect, useRef } from 'react'
import { Link, useLocation, useNavigation, useSearchParams } from 'react-router'
import { query } from '../api/api.ts'
import { ApiError } from '../api/errors.ts'
import { queryOnServer } from '../api/server-client.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { ButtonLink } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import type { Route } from './+types/catalogue.ts'
import { MOST, readFilter, STEP, toVariables } from './catalogue-query.ts'
import { Filters } from './filters.tsx'
import { CatalogueDocument, type CatalogueQueryVariables } from './gen/catalogue.ts'
import { ProductCard } from './product-card.tsx'

const variablesOf = (request: Request): CatalogueQueryVariables => toVariables(new URL(request.url).searchParams)

/** Runs the query; a cursor that no longer fits its filter leads to the first page. */
async function withValidCursor<T>(
  variables: CatalogueQueryVariables,
  run: (variables: CatalogueQueryVariables) => Promise<T>,
) {
  try {
    return await run(variables)
  } catch (error) {
    if (error instanceof ApiError && error.code === 'VALIDATION_FAILED' && variables.after !== null)
      return run({ ...variables, after: null })
    throw error
  }
}

export const loader = ({ context, request }: Route.LoaderArgs) =>
  withValidCursor(variablesOf(request), (variables) => queryOnServer(context, CatalogueDocument, variables))

export const clientLoader = ({ request }: Route.ClientLoaderArgs) =>
  withValidCursor(variablesOf(request), (variables) => query(CatalogueDocument, variables))

/** The catalogue: products by category, words, price and stock. All of it is in the URL. */
export default function Catalogue({ loaderData: { products, categories } }: Route.ComponentProps) {
  const { messages, formats } = useI18n()
  const { pathname } = useLocation()
  const [params] = useSearchParams()
  const { state, location: next } = useNavigation()
  const filter = readFilter(params)
  const { nodes, pageInfo, totalCount, totalCountIsExact } = products
  const shown = nodes.length
  const title = filter.q !== '' ? messages.catalogue.results(filter.q) : filter.category || messages.catalogue.title
  const count = formats.number(totalCount)
  const refining = state === 'loading' && next?.pathname === pathname

  // The next step is in the cache when it is asked for: it is loaded when the end of the list comes near.
  const moreLink = useRef<HTMLAnchorElement>(null)
  useEffect(() => {
    if (moreLink.current === null || shown >= MOST) return
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (!entry?.isIntersecting) return
        observer.disconnect()
        void query(CatalogueDocument, { ...toVariables(params), first: shown + STEP }).catch(() => undefined)
      },
      { rootMargin: '400px' },
    )
    observer.observe(moreLink.current)
    return () => observer.disconnect()
  }, [params, pageInfo.hasNextPage, shown])

  const more = new URLSearchParams(params)
  if (shown < MOST) more.set('show', String(Math.min(MOST, shown + STEP)))
  else {
    more.delete('show')
    more.set('after', pageInfo.endCursor ?? '')
  }
  const firstPage = new URLSearchParams(params)
  firstPage.delete('after')

  return (
    <>
      <title>{`${title} · Halles`}</title>
      <meta name="description" content={messages.shop.description} />
      <h1 className="font-display text-3xl font-bold sm:text-4xl">
        <bdi>{title}</bdi>
      </h1>
      <p role="status" className="mt-1 text-muted">
        {totalCountIsExact ? messages.catalogue.count(count, totalCount === 1) : messages.catalogue.moreThan(count)}
      </p>
      <div className="mt-6 grid gap-6 *:min-w-0 lg:grid-cols-[15rem_1fr]">
        <Filters filter={filter} categories={categories} />
        <section
          aria-label={title}
          aria-busy={refining}
          className={refining ? 'opacity-60 transition-opacity delay-150' : ''}
        >
          {nodes.length === 0 ? (
            <EmptyState title={messages.catalogue.emptyTitle} text={messages.catalogue.emptyText} heading="h2">
              <ButtonLink look="secondary" to={pathname}>
                {messages.catalogue.reset}
              </ButtonLink>
            </EmptyState>
          ) : (
            <ul className="grid grid-cols-2 gap-3 sm:gap-5 md:grid-cols-3">
              {nodes.map((product, i) => (
                <li key={product.id} className="grid">
                  <ProductCard product={product} eager={i < 2} heading="h2" />
                </li>
              ))}
            </ul>
          )}
          <div className="mt-8 flex flex-wrap justify-center gap-4">
            {params.has('after') && (
              <ButtonLink look="quiet" to={{ search: firstPage.toString() }}>
                {messages.catalogue.firstPage}
              </ButtonLink>
            )}
            {pageInfo.hasNextPage && (
              <Link
                ref={moreLink}
                to={{ search: more.toString() }}
                replace={shown < MOST}
                preventScrollReset={shown < MOST}
                className="inline-flex min-h-11 items-center rounded-full border border-control bg-surface px-5 font-semibold hover:bg-sunken"
              >
                {shown < MOST ? messages.catalogue.more : messages.catalogue.nextPage}
              </Link>
            )}
          </div>
        </section>
      </div>
    </>
  )
}
