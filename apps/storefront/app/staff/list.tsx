import type { ReactNode } from 'react'
import { Link, useSearchParams } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'
import { ButtonLink } from '../ui/button.tsx'
import { useStaffMessages } from './staff-i18n.ts'

/** The search parameters with some of them changed; an empty value removes one. The list then starts at its first page. */
export function withParams(params: URLSearchParams, changes: Record<string, string>): string {
  const next = new URLSearchParams(params)
  next.delete('after')
  for (const [name, value] of Object.entries(changes))
    if (value === '') next.delete(name)
    else next.set(name, value)
  return `?${next.toString()}`
}

type TabsProps = { label: string; tabs: readonly { name: string; search: string; isCurrent: boolean }[] }

/** Links to parts of a list, one of which is shown. */
export function Tabs({ label, tabs }: TabsProps) {
  return (
    <nav aria-label={label} className="-mx-4 flex gap-2 overflow-x-auto px-4 py-1">
      {tabs.map(({ name, search, isCurrent }) => (
        <Link
          key={name}
          to={search}
          preventScrollReset
          aria-current={isCurrent ? 'page' : undefined}
          className={`inline-flex min-h-11 shrink-0 items-center rounded-full border px-4 font-medium ${isCurrent ? 'border-brand bg-brand text-on-brand' : 'border-control bg-surface hover:bg-sunken'}`}
        >
          {name}
        </Link>
      ))}
    </nav>
  )
}

/** How many there are: exact, or more than so many. */
export function Count({ count, isExact, word }: { count: number; isExact: boolean; word: (count: number) => string }) {
  const { formats } = useI18n()
  const { list } = useStaffMessages()
  const text = `${formats.number(count)} ${word(count)}`
  return <>{isExact ? text : list.moreThan(text)}</>
}

/** The links to the next page of a list, and back to its first. */
export function Pager({ pageInfo }: { pageInfo: { hasNextPage: boolean; endCursor: string | null } }) {
  const [params] = useSearchParams()
  const { list } = useStaffMessages()
  const older = new URLSearchParams(params)
  older.set('after', pageInfo.endCursor ?? '')
  if (!pageInfo.hasNextPage && !params.has('after')) return null
  return (
    <nav aria-label={list.pages} className="mt-6 flex flex-wrap justify-center gap-3">
      {params.has('after') && (
        <ButtonLink look="secondary" to={withParams(params, {})}>
          {list.newest}
        </ButtonLink>
      )}
      {pageInfo.hasNextPage && (
        <ButtonLink look="secondary" to={`?${older.toString()}`}>
          {list.older}
        </ButtonLink>
      )}
    </nav>
  )
}

/** The heading of a page of the desk, its title in the browser's tab, and what stands beside it. */
export function PageHeading({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <>
      <title>{`${title} · Halles`}</title>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h1 className="font-display text-3xl font-bold">{title}</h1>
        {children}
      </div>
    </>
  )
}

/** A white area with a border. */
export const card = 'rounded-card border border-line bg-surface'
