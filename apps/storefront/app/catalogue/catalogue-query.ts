import type { CatalogueQueryVariables } from './gen/catalogue.ts'

/** How many products a page shows at first, and how many more each time. */
export const STEP = 24
/** The most that the API returns at once. Beyond it the next products are another page. */
export const MOST = 96

export const sorts = ['RELEVANCE', 'NEWEST', 'PRICE_ASC', 'PRICE_DESC', 'NAME'] as const
export type Sort = (typeof sorts)[number]

/** A filter that a customer sees and can change. */
export type CatalogueFilter = {
  q: string
  category: string
  minPrice: string
  maxPrice: string
  inStock: boolean
  sort: Sort | undefined
}

/** Reads the filter from the search parameters of a URL. Anything that does not fit is left out. */
export function readFilter(params: URLSearchParams): CatalogueFilter {
  const price = (name: string): string =>
    /^\d{1,6}([.,]\d{1,2})?$/.test(params.get(name) ?? '') ? params.get(name)! : ''
  return {
    q: (params.get('q') ?? '').trim().slice(0, 100),
    category: (params.get('category') ?? '').slice(0, 60),
    minPrice: price('minPrice'),
    maxPrice: price('maxPrice'),
    inStock: params.get('inStock') === 'true',
    sort: sorts.find((sort) => sort === params.get('sort')),
  }
}

/** The variables of the catalogue query for a URL. */
export function toVariables(params: URLSearchParams): CatalogueQueryVariables {
  const { q, category, minPrice, maxPrice, inStock, sort } = readFilter(params)
  const euros = (text: string): number => Number(text.replace(',', '.'))
  const show = Number(params.get('show'))
  return {
    filter: {
      ...(q !== '' && { q }),
      ...(category !== '' && { category }),
      ...(minPrice !== '' && { minPrice: euros(minPrice) }),
      ...(maxPrice !== '' && { maxPrice: euros(maxPrice) }),
      ...(inStock && { inStock }),
    },
    // Relevance needs words to be relevant to.
    sort: sort === 'RELEVANCE' && q === '' ? null : (sort ?? null),
    first: Number.isInteger(show) && show > STEP && show <= MOST ? show : STEP,
    after: params.get('after'),
  }
}

/** The search parameters with some of them changed; an empty value removes one. A changed filter starts at the first page. */
export function changeParams(params: URLSearchParams, changes: Record<string, string>): URLSearchParams {
  const next = new URLSearchParams(params)
  next.delete('show')
  next.delete('after')
  for (const [name, value] of Object.entries(changes))
    if (value === '') next.delete(name)
    else next.set(name, value)
  return next
}
