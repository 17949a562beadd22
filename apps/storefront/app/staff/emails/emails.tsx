import { useState } from 'react'
import { Link, useNavigate, useRevalidator, useSearchParams } from 'react-router'
import { mutate, query } from '../../api/api.ts'
import type { NotificationStatus } from '../../gen/schema.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { Button } from '../../ui/button.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { Field } from '../../ui/field.tsx'
import { Notice } from '../../ui/notice.tsx'
import { findCustomers } from '../find-customers.ts'
import { card, Count, PageHeading, Pager, Tabs, withParams } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { runAll } from '../run-all.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import { usePolling } from '../use-polling.ts'
import type { Route } from './+types/emails.ts'
import { EmailDetails } from './email-details.tsx'
import { ResendEmailDocument } from './gen/resend-email.ts'
import { StaffEmailsDocument, type StaffEmailsQuery } from './gen/staff-emails.ts'
import { ResendButton } from './resend-button.tsx'

type Email = StaffEmailsQuery['notifications']['nodes'][number]

const PAGE_SIZE = 25

/** The lists, the one that needs someone first: it is shown unless the URL names another. */
const lists = ['FAILED', 'PENDING', 'SENT', 'ALL'] as const satisfies (NotificationStatus | 'ALL')[]

const readList = (params: URLSearchParams) => lists.find((list) => list === params.get('status')) ?? 'FAILED'

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  const params = new URL(request.url).searchParams
  const list = readList(params)
  const customers = await findCustomers(params.get('q')?.trim() ?? '')
  const { notifications } = await query(
    StaffEmailsDocument,
    {
      first: PAGE_SIZE,
      after: params.get('after'),
      ...(list !== 'ALL' && { status: list }),
      ...(customers !== undefined && { userIds: customers.ids }),
    },
    'network-only',
  )
  return { emails: notifications, hasAllCustomers: customers?.isComplete ?? true }
}

/** The e-mails to all customers, failed ones first, which can be sent again. */
export default function Emails({ loaderData: { emails, hasAllCustomers } }: Route.ComponentProps) {
  const { emails: texts } = useStaffMessages()
  const [params] = useSearchParams()
  const navigate = useNavigate()
  const list = readList(params)
  const q = params.get('q') ?? ''
  usePolling(
    emails.nodes.some(({ status }) => status === 'PENDING'),
    5000,
  )
  return (
    <>
      <PageHeading title={texts.title}>
        <p className="text-muted" role="status">
          <Count count={emails.totalCount} isExact={emails.totalCountIsExact} word={texts.word} />
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
            defaultValue={q}
          />
          <Button type="submit">{texts.filter}</Button>
        </form>
        <Tabs
          label={texts.statuses}
          tabs={lists.map((one) => ({
            name: texts.tabs[one],
            search: withParams(params, { status: one }),
            isCurrent: one === list,
          }))}
        />
        {!hasAllCustomers && <Notice tone="warn" title={texts.tooManyCustomers} />}
        <ResendAll emails={list === 'FAILED' ? emails.nodes : []} />
        {emails.nodes.length === 0 ? (
          <EmptyState
            title={list === 'FAILED' && q === '' ? texts.noneFailedTitle : texts.emptyTitle}
            text={list === 'FAILED' && q === '' ? texts.noneFailedText : texts.emptyText}
            heading="h2"
          />
        ) : (
          <ul className={`${card} divide-y divide-line`}>
            {emails.nodes.map((email) => (
              <li key={email.id} className="flex flex-wrap items-center gap-x-6 gap-y-3 p-4">
                <EmailDetails email={email} />
                <OrderLink email={email} />
                <ResendButton id={email.id} subject={email.subject} status={email.status} />
              </li>
            ))}
          </ul>
        )}
      </div>
      <Pager pageInfo={emails.pageInfo} />
    </>
  )
}

function OrderLink({ email: { order } }: { email: Email }) {
  const { href } = useI18n()
  const { emails: texts } = useStaffMessages()
  if (order === null) return <span className="text-sm text-muted">{texts.account}</span>
  return (
    <Link to={href(`/staff/orders/${order.id}`)} className="inline-flex min-h-11 items-center text-brand underline">
      {texts.order(order.number)}
    </Link>
  )
}

/** Sends all e-mails of the page again. */
function ResendAll({ emails }: { emails: readonly Email[] }) {
  const { emails: texts } = useStaffMessages()
  const { revalidate } = useRevalidator()
  const [sending, setSending] = useState(false)
  const [counts, setCounts] = useState({ resent: 0, failed: 0 })
  const resend = async (): Promise<void> => {
    setSending(true)
    const results = await runAll(emails, ({ id }) => mutate(ResendEmailDocument, { id }))
    const failed = results.filter(({ error }) => error !== undefined).length
    setCounts({ resent: results.length - failed, failed })
    setSending(false)
    await revalidate()
  }
  return (
    <>
      {counts.resent > 0 && <Notice tone="ok" title={texts.resent(counts.resent)} />}
      {counts.failed > 0 && <Notice tone="danger" title={texts.notResent(counts.failed)} />}
      {emails.length > 1 && (
        <Button look="secondary" className="self-start" disabled={sending} onClick={() => void resend()}>
          {texts.resendAll(emails.length)}
        </Button>
      )}
    </>
  )
}
