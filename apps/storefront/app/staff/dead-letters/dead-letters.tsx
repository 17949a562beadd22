import { Link, useSearchParams } from 'react-router'
import { query } from '../../api/api.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { card, Count, PageHeading, Pager, Tabs, withParams } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import type { Route } from './+types/dead-letters.ts'
import { DeadLetterListDocument } from './gen/dead-letter-list.ts'

/** The lists by the values of `redriven` in the URL: those that wait are shown unless it names others. */
const lists = { waiting: '', redriven: 'true', all: 'all' } as const

const readRedriven = (params: URLSearchParams): boolean | undefined =>
  params.get('redriven') === 'all' ? undefined : params.get('redriven') === 'true'

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  const params = new URL(request.url).searchParams
  const redriven = readRedriven(params)
  const variables = { first: 25, after: params.get('after'), ...(redriven !== undefined && { redriven }) }
  return (await query(DeadLetterListDocument, variables, 'network-only')).deadLetters
}

/** The messages that could not be processed. */
export default function DeadLetters({ loaderData: letters }: Route.ComponentProps) {
  const { formats, href } = useI18n()
  const { deadLetters: texts } = useStaffMessages()
  const [params] = useSearchParams()
  const current = params.get('redriven') ?? ''
  return (
    <>
      <PageHeading title={texts.title}>
        <p className="text-muted" role="status">
          <Count count={letters.totalCount} isExact={letters.totalCountIsExact} word={texts.word} />
        </p>
      </PageHeading>
      <p className="mt-1 max-w-prose text-muted">{texts.lead}</p>
      <div className="mt-5 flex flex-col gap-4">
        <Tabs
          label={texts.tabsLabel}
          tabs={(['waiting', 'redriven', 'all'] as const).map((list) => ({
            name: texts.tabs[list],
            search: withParams(params, { redriven: lists[list] }),
            isCurrent: lists[list] === current,
          }))}
        />
        {letters.nodes.length === 0 ? (
          <EmptyState
            title={texts.emptyTitle}
            text={current === lists.waiting ? texts.emptyText : texts.noneText}
            heading="h2"
          />
        ) : (
          <ul className={`${card} divide-y divide-line`}>
            {letters.nodes.map(({ id, reason, origin, key, size, parkedAt, redrives, redrivenAt }) => (
              <li key={id} className="relative p-4 hover:bg-sunken">
                <h2 className="font-semibold [overflow-wrap:anywhere]">
                  <Link
                    to={href(`/staff/dead-letters/${encodeURIComponent(id)}`)}
                    className="after:absolute after:inset-0"
                  >
                    {reason}
                  </Link>
                </h2>
                <p className="mt-1 text-sm text-muted [overflow-wrap:anywhere]">
                  {`${origin.topic} · ${texts.positionOf(origin.partition, origin.offset)} · ${key ?? texts.noKey}`}
                </p>
                <p className="mt-1 text-sm text-muted">
                  {formats.dateTime(parkedAt)}
                  {size !== null && ` · ${texts.bytes(formats.number(size))}`}
                  {redrivenAt !== null && ` · ${texts.redrivenShort(redrives, formats.dateTime(redrivenAt))}`}
                </p>
              </li>
            ))}
          </ul>
        )}
      </div>
      <Pager pageInfo={letters.pageInfo} />
    </>
  )
}
