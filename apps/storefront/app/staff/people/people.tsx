import { Search } from 'lucide-react'
import { Link, useNavigate, useSearchParams } from 'react-router'
import { query } from '../../api/api.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { Button } from '../../ui/button.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { Field } from '../../ui/field.tsx'
import { card, Count, PageHeading, Pager, withParams } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import type { Route } from './+types/people.ts'
import { PeopleDocument, type PeopleQuery } from './gen/people.ts'
import { ActiveBadge, RoleBadge } from './person-badges.tsx'

/** People on a page. */
const PAGE_SIZE = 25

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  const params = new URL(request.url).searchParams
  const search = (params.get('q') ?? '').trim().slice(0, 200)
  const variables = { first: PAGE_SIZE, after: params.get('after'), ...(search !== '' && { search }) }
  return (await query(PeopleDocument, variables, 'network-only')).users
}

/** The people who have an account, newest first, found by words of their name or address. */
export default function People({ loaderData: users }: Route.ComponentProps) {
  const { people: texts } = useStaffMessages()
  const [params] = useSearchParams()
  const navigate = useNavigate()
  const q = params.get('q') ?? ''
  return (
    <>
      <PageHeading title={texts.title}>
        <p className="text-muted" role="status">
          <Count count={users.totalCount} isExact={users.totalCountIsExact} word={texts.word} />
        </p>
      </PageHeading>
      <div className="mt-5 flex flex-col gap-4">
        <form
          role="search"
          className={`${card} flex flex-wrap items-end gap-3 p-4`}
          onSubmit={(event) => {
            event.preventDefault()
            const text = new FormData(event.currentTarget).get('q')
            void navigate(withParams(params, { q: typeof text === 'string' ? text.trim() : '' }))
          }}
        >
          <Field
            key={q}
            className="min-w-0 flex-1 basis-56"
            label={texts.search}
            name="q"
            type="search"
            maxLength={200}
            defaultValue={q}
          />
          <Button type="submit">
            <Search className="size-4" aria-hidden="true" />
            {texts.filter}
          </Button>
        </form>
        {users.nodes.length === 0 ? (
          <EmptyState title={texts.emptyTitle} text={texts.emptyText} heading="h2" />
        ) : (
          <PeopleTable people={users.nodes} />
        )}
      </div>
      <Pager pageInfo={users.pageInfo} />
    </>
  )
}

/** A page of people. On a phone the role stands below the name. */
function PeopleTable({ people }: { people: PeopleQuery['users']['nodes'] }) {
  const { formats, href } = useI18n()
  const { people: texts } = useStaffMessages()
  const cell = 'px-3 py-3 align-middle'
  const wide = `${cell} hidden md:table-cell`
  const head = 'font-medium'
  return (
    <table className={`${card} w-full border-separate border-spacing-0`}>
      <caption className="sr-only">{texts.title}</caption>
      <thead className="text-left text-sm text-muted">
        <tr>
          <th scope="col" className={`${cell} ${head}`}>
            {texts.columns.person}
          </th>
          <th scope="col" className={`${wide} ${head}`}>
            {texts.columns.role}
          </th>
          <th scope="col" className={`${wide} ${head}`}>
            {texts.columns.since}
          </th>
          <th scope="col" className={`${cell} ${head} text-right md:text-left`}>
            {texts.columns.state}
          </th>
        </tr>
      </thead>
      <tbody>
        {people.map(({ id, name, email, role, active, createdAt }) => (
          <tr key={id} className="[&>td]:border-t [&>td]:border-line">
            <td className={cell}>
              <Link
                to={href(`/staff/people/${id}`)}
                prefetch="intent"
                className="font-semibold text-brand underline-offset-4 [overflow-wrap:anywhere] hover:underline"
                dir="auto"
              >
                {name === '' ? texts.deleted : name}
              </Link>
              <span className="block text-sm text-muted [overflow-wrap:anywhere]">{email}</span>
              {role === 'ADMIN' && (
                <span className="mt-1 block md:hidden">
                  <RoleBadge role={role} />
                </span>
              )}
            </td>
            <td className={wide}>
              <RoleBadge role={role} />
            </td>
            <td className={`${wide} whitespace-nowrap`}>{formats.date(createdAt)}</td>
            <td className={`${cell} text-right md:text-left`}>
              <ActiveBadge active={active} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
