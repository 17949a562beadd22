import { Plus, Search } from 'lucide-react'
import { useNavigate, useSearchParams } from 'react-router'
import { query } from '../../api/api.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { Button, ButtonLink } from '../../ui/button.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { Field } from '../../ui/field.tsx'
import { SelectField } from '../../ui/select-field.tsx'
import { card, Count, PageHeading, Pager, Tabs, withParams } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import type { Route } from './+types/products.ts'
import { StaffProductsDocument } from './gen/staff-products.ts'
import { ProductsTable } from './products-table.tsx'
import { readFilter, toVariables, views, type ProductsFilter } from './products-query.ts'

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  return query(StaffProductsDocument, toVariables(readFilter(new URL(request.url).searchParams)), 'network-only')
}

/** The products for the staff: those on sale, with a low stock, sold out or archived. */
export default function Products({ loaderData: { products, categories } }: Route.ComponentProps) {
  const { href } = useI18n()
  const { products: texts } = useStaffMessages()
  const [params] = useSearchParams()
  const filter = readFilter(params)
  return (
    <>
      <PageHeading title={texts.title}>
        <ButtonLink to={href('/staff/products/new')}>
          <Plus className="size-5" aria-hidden="true" />
          {texts.add}
        </ButtonLink>
      </PageHeading>
      <div className="mt-5 flex flex-col gap-4">
        <FilterForm filter={filter} categories={categories} />
        <Tabs
          label={texts.views}
          tabs={views.map((view) => ({
            name: texts.tabs[view],
            search: withParams(params, { view: view === 'onSale' ? '' : view }),
            isCurrent: filter.view === view,
          }))}
        />
        <p className="text-muted" role="status">
          <Count count={products.totalCount} isExact={products.totalCountIsExact} word={texts.word} />
        </p>
        {products.nodes.length === 0 ? (
          <EmptyState title={texts.emptyTitle} text={texts.emptyText} heading="h2" />
        ) : (
          <ProductsTable products={products.nodes} />
        )}
      </div>
      <Pager pageInfo={products.pageInfo} />
    </>
  )
}

type FilterFormProps = { filter: ProductsFilter; categories: readonly { name: string }[] }

function FilterForm({ filter: { q, category }, categories }: FilterFormProps) {
  const { products: texts } = useStaffMessages()
  const [params] = useSearchParams()
  const navigate = useNavigate()
  const isKnown = category === '' || categories.some(({ name }) => name === category)
  const apply = (form: HTMLFormElement): void => {
    const data = new FormData(form)
    const text = (name: string): string => {
      const value = data.get(name)
      return typeof value === 'string' ? value.trim() : ''
    }
    void navigate(withParams(params, { q: text('q'), category: text('category') }), { preventScrollReset: true })
  }
  return (
    <form
      role="search"
      className={`${card} grid items-end gap-3 p-4 sm:grid-cols-[1fr_14rem_auto]`}
      onSubmit={(event) => {
        event.preventDefault()
        apply(event.currentTarget)
      }}
    >
      {/* A new key after "back": the fields follow the URL. */}
      <Field key={`q ${q}`} label={texts.search} name="q" type="search" maxLength={100} defaultValue={q} />
      <SelectField
        key={`category ${category}`}
        label={texts.category}
        name="category"
        defaultValue={category}
        onChange={({ currentTarget }) => apply(currentTarget.form!)}
        options={[
          { value: '', label: texts.allCategories },
          ...(isKnown ? [] : [{ value: category, label: category }]),
          ...categories.map(({ name }) => ({ value: name, label: name })),
        ]}
      />
      <Button type="submit">
        <Search className="size-4" aria-hidden="true" />
        {texts.filter}
      </Button>
    </form>
  )
}
