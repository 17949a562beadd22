import { clsx } from 'clsx'
import { useI18n } from '../../i18n/i18n.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import type { EmailRowFragment } from './gen/email-row.ts'

const looks = {
  FAILED: 'bg-danger-soft text-danger',
  PENDING: 'bg-warn-soft text-warn',
  SENT: 'bg-ok-soft text-ok',
} as const

/** An e-mail: what, to whom, when, and why it failed. */
export function EmailDetails({ email }: { email: EmailRowFragment }) {
  const { messages, formats } = useI18n()
  const { emails: texts } = useStaffMessages()
  const { subject, recipient, status, attempts, createdAt, sentAt, lastError } = email
  return (
    <div className="min-w-0 flex-1 basis-60">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <bdi className="font-semibold [overflow-wrap:anywhere]">{subject}</bdi>
        <span className={clsx('rounded-full px-3 py-0.5 text-sm font-semibold', looks[status])}>
          {messages.order.emailStatuses[status]}
        </span>
      </p>
      <p className="mt-1 text-sm text-muted [overflow-wrap:anywhere]">
        {recipient === '' ? texts.erased : recipient}
        {' · '}
        {sentAt === null ? texts.createdAt(formats.dateTime(createdAt)) : texts.sentAt(formats.dateTime(sentAt))}
        {' · '}
        {texts.attempts(attempts)}
      </p>
      {lastError !== null && <p className="mt-1 text-sm text-danger">{lastError}</p>}
    </div>
  )
}
