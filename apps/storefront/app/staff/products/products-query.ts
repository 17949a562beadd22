import type { StaffProductsQueryVariables } from './gen/staff-products.ts'

/** The lists of products at the desk. */
export const views = ['onSale', 'low', 'soldOut', 'archived'] as const
export type View = (typeof views)[number]

/** A stock that is low: at most so many, but not sold out. */
const LOW_STOCK = 5

/** Products on a page. */
const PAGE_SIZE = 25

/** What the URL of the list says. Text that is not valid counts as absent. */
export type ProductsFilter = { q: string; category: string; view: View; after: string | null }

export const readFilter = (params: URLSearchParams): ProductsFilter => ({
  q: (params.get('q') ?? '').trim().slice(0, 100),
  category: (params.get('category') ?? '').slice(0, 60),
  view: views.find((view) => view === params.get('view')) ?? 'onSale',
  after: params.get('after'),
})

const filters = {
  onSale: {},
  low: { inStock: true, maxStock: LOW_STOCK },
  soldOut: { inStock: false },
  archived: { archived: true },
} as const satisfies Record<View, object>

export const toVariables = ({ q, category, view, after }: ProductsFilter): StaffProductsQueryVariables => ({
  filter: { ...filters[view], ...(q !== '' && { q }), ...(category !== '' && { category }) },
  first: PAGE_SIZE,
  after,
})
