import { useEffect, useRef } from 'react'
import { Search } from 'lucide-react'
import { useNavigate, useSearchParams } from 'react-router'
import { Button, ButtonLink } from '../../ui/button.tsx'
import { Field } from '../../ui/field.tsx'
import { withParams } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import type { OrdersFilter } from './orders-query.ts'

/** The search and the days of the list of orders, which the URL keeps. */
export function OrdersFilterForm({ filter: { q, from, to } }: { filter: OrdersFilter }) {
  const { orders: texts } = useStaffMessages()
  const [params] = useSearchParams()
  const navigate = useNavigate()
  const form = useRef<HTMLFormElement>(null)

  // "Back" and the links change the URL: the fields follow it, and keep the focus.
  useEffect(() => {
    for (const [name, value] of Object.entries({ q, from, to })) {
      const input = form.current?.elements.namedItem(name)
      if (input instanceof HTMLInputElement) input.value = value
    }
  }, [q, from, to])

  const apply = (data: FormData): void => {
    const text = (name: string): string => {
      const value = data.get(name)
      return typeof value === 'string' ? value.trim() : ''
    }
    void navigate(withParams(params, { q: text('q'), from: text('from'), to: text('to') }), {
      preventScrollReset: true,
    })
  }
  return (
    <form
      ref={form}
      role="search"
      className="grid grid-cols-2 items-end gap-3 rounded-card border border-line bg-surface p-4 lg:grid-cols-[1fr_11rem_11rem_auto]"
      onSubmit={(event) => {
        event.preventDefault()
        apply(new FormData(event.currentTarget))
      }}
    >
      <Field className="col-span-2 lg:col-span-1" label={texts.search} name="q" type="search" defaultValue={q} />
      <Field label={texts.from} name="from" type="date" defaultValue={from} max="9999-12-31" />
      <Field label={texts.to} name="to" type="date" defaultValue={to} max="9999-12-31" />
      <div className="col-span-2 flex flex-wrap gap-2 lg:col-span-1">
        <Button type="submit" className="flex-1 lg:flex-none">
          <Search className="size-4" aria-hidden="true" />
          {texts.filter}
        </Button>
        {(q !== '' || from !== '' || to !== '') && (
          <ButtonLink look="quiet" to={withParams(params, { q: '', from: '', to: '' })}>
            {texts.reset}
          </ButtonLink>
        )}
      </div>
    </form>
  )
}
