import { clsx } from 'clsx'
import { Link } from 'react-router'
import { describeError } from '../../api/errors.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { Notice } from '../../ui/notice.tsx'
import { card } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import type { EmailFiguresQuery } from './gen/email-figures.ts'
import type { OrderFiguresQuery } from './gen/order-figures.ts'

type Props = {
  figures: OrderFiguresQuery['orderStatistics'] | undefined
  emails: PromiseSettledResult<EmailFiguresQuery>
}

/** How long events may wait for Kafka before the desk points at them, in milliseconds. */
const USUAL_WAIT = 60_000

/** What stands still where nobody would notice: e-mails, rejected messages, events. Nothing is said to be wrong when it is not. */
export function Watch({ figures, emails }: Props) {
  const { messages, formats, href } = useI18n()
  const { overview: texts } = useStaffMessages()
  const queues = emails.status === 'fulfilled' ? emails.value : undefined
  const countOf = ({ totalCount, totalCountIsExact }: EmailFiguresQuery['failed']): string =>
    totalCountIsExact ? formats.number(totalCount) : texts.atLeast(formats.number(totalCount))
  const waitsLong =
    figures?.oldestUnpublishedAt != null &&
    Date.parse(figures.at) - Date.parse(figures.oldestUnpublishedAt) > USUAL_WAIT
  const rows = [
    ...(queues
      ? [
          {
            name: texts.failedEmails,
            path: '/staff/emails?status=FAILED',
            value: countOf(queues.failed),
            isBad: queues.failed.totalCount > 0,
          },
          {
            name: texts.pendingEmails,
            path: '/staff/emails?status=PENDING',
            value: countOf(queues.pending),
            isBad: false,
          },
          {
            name: texts.deadLetters,
            path: '/staff/dead-letters',
            value: countOf(queues.deadLetters),
            isBad: queues.deadLetters.totalCount > 0,
          },
        ]
      : []),
    ...(figures
      ? [
          {
            name: texts.unpublished,
            path: undefined,
            value: formats.number(figures.unpublishedEvents),
            isBad: waitsLong,
          },
        ]
      : []),
  ]
  return (
    <section aria-labelledby="watch" className={`${card} p-5`}>
      <h2 id="watch" className="text-xl font-bold">
        {texts.watch}
      </h2>
      {emails.status === 'rejected' && (
        <Notice tone="warn" title={texts.queuesUnavailable}>
          {describeError(emails.reason, messages)}
        </Notice>
      )}
      <ul className="mt-2 divide-y divide-line">
        {rows.map(({ name, path, value, isBad }) => {
          const content = (
            <>
              <span>{name}</span>
              <span className={clsx('text-lg font-bold tabular-nums', isBad && 'text-danger')}>{value}</span>
            </>
          )
          const style = 'flex min-h-12 items-center justify-between gap-4'
          return (
            <li key={name}>
              {path === undefined ? (
                <div className={style}>{content}</div>
              ) : (
                <Link to={href(path)} className={`${style} hover:underline`}>
                  {content}
                </Link>
              )}
            </li>
          )
        })}
      </ul>
      {waitsLong && (
        <p className="text-sm text-danger">{texts.since(formats.dateTime(figures?.oldestUnpublishedAt ?? ''))}</p>
      )}
    </section>
  )
}
