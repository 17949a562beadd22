import { SlidersHorizontal } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Form, useLocation, useNavigate, useSearchParams } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'
import { changeParams, sorts, type CatalogueFilter } from './catalogue-query.ts'

const control = 'min-h-11 w-full rounded-lg border border-control bg-surface px-3'

/** The filters. Each change is applied at once; on a phone they stand behind a button. */
export function Filters({
  filter,
  categories,
}: {
  filter: CatalogueFilter
  categories: readonly { name: string; productCount: number }[]
}) {
  const { messages } = useI18n()
  const { pathname } = useLocation()
  const [params] = useSearchParams()
  const navigate = useNavigate()
  const [open, setOpen] = useState(false)
  const texts = messages.catalogue

  // What was chosen is shown at once; the URL follows when the products are there.
  const [inStock, setInStock] = useState(filter.inStock)
  useEffect(() => setInStock(filter.inStock), [filter.inStock])

  const apply = (changes: Record<string, string>): void =>
    void navigate({ search: changeParams(params, changes).toString() }, { preventScrollReset: true })

  const isFiltered = filter.category !== '' || filter.minPrice !== '' || filter.maxPrice !== '' || filter.inStock
  return (
    <div>
      <button
        type="button"
        aria-expanded={open}
        aria-controls="filters"
        onClick={() => setOpen(!open)}
        className="inline-flex min-h-11 w-full items-center justify-center gap-2 rounded-full border border-control bg-surface font-semibold lg:hidden"
      >
        <SlidersHorizontal className="size-5" aria-hidden="true" />
        {texts.showFilters}
      </button>
      <Form
        id="filters"
        action={pathname}
        aria-label={texts.filters}
        onSubmit={(event) => event.preventDefault()}
        className={`${open ? 'flex' : 'hidden'} mt-3 flex-col gap-5 rounded-card border border-line bg-surface p-4 lg:sticky lg:top-24 lg:mt-0 lg:flex`}
      >
        <label className="block">
          <span className="mb-1 block font-medium">{texts.sort}</span>
          <select
            name="sort"
            value={filter.sort ?? (filter.q === '' ? 'NEWEST' : 'RELEVANCE')}
            onChange={({ target }) => apply({ sort: target.value })}
            className={control}
          >
            {sorts
              .filter((sort) => sort !== 'RELEVANCE' || filter.q !== '')
              .map((sort) => (
                <option key={sort} value={sort}>
                  {texts.sorts[sort]}
                </option>
              ))}
          </select>
        </label>
        <label className="block">
          <span className="mb-1 block font-medium">{texts.category}</span>
          <select
            name="category"
            value={filter.category}
            onChange={({ target }) => apply({ category: target.value })}
            className={control}
          >
            <option value="">{texts.allCategories}</option>
            {filter.category !== '' && !categories.some(({ name }) => name === filter.category) && (
              <option value={filter.category}>{filter.category}</option>
            )}
            {categories.map(({ name, productCount }) => (
              <option key={name} value={name}>
                {`${name} (${productCount})`}
              </option>
            ))}
          </select>
        </label>
        <fieldset>
          <legend className="mb-1 font-medium">{texts.price}</legend>
          <div className="flex items-center gap-2">
            <PriceInput
              label={texts.minPrice}
              placeholder={texts.min}
              value={filter.minPrice}
              onChange={(minPrice) => apply({ minPrice })}
            />
            <span aria-hidden="true">–</span>
            <PriceInput
              label={texts.maxPrice}
              placeholder={texts.max}
              value={filter.maxPrice}
              onChange={(maxPrice) => apply({ maxPrice })}
            />
          </div>
        </fieldset>
        <label className="flex min-h-11 items-center gap-3">
          <input
            type="checkbox"
            name="inStock"
            checked={inStock}
            onChange={({ target }) => {
              setInStock(target.checked)
              apply({ inStock: target.checked ? 'true' : '' })
            }}
            className="size-5 accent-brand"
          />
          <span>{texts.inStock}</span>
        </label>
        {isFiltered && (
          <button
            type="button"
            className="min-h-11 self-start font-semibold text-brand underline-offset-4 hover:underline"
            onClick={() => apply({ category: '', minPrice: '', maxPrice: '', inStock: '' })}
          >
            {texts.reset}
          </button>
        )}
      </Form>
    </div>
  )
}

/** A price in euros, applied when the customer leaves the field or presses Enter. */
function PriceInput({
  label,
  placeholder,
  value,
  onChange,
}: {
  label: string
  placeholder: string
  value: string
  onChange: (value: string) => void
}) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  const commit = (): void => {
    const valid = text === '' || /^\d{1,6}([.,]\d{1,2})?$/.test(text.trim())
    if (!valid) setText(value)
    else if (text.trim() !== value) onChange(text.trim().replace(',', '.'))
  }
  return (
    <input
      inputMode="decimal"
      aria-label={label}
      placeholder={placeholder}
      value={text}
      onChange={({ target }) => setText(target.value)}
      onBlur={commit}
      onKeyDown={({ key }) => key === 'Enter' && commit()}
      className={`${control} min-w-0 tabular-nums`}
    />
  )
}
