import { useState } from 'react'
import { useRevalidator } from 'react-router'
import { mutate } from '../../api/api.ts'
import { describeError } from '../../api/errors.ts'
import type { NotificationStatus } from '../../gen/schema.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { Button } from '../../ui/button.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import { ResendEmailDocument } from './gen/resend-email.ts'

type Props = { id: string; subject: string; status: NotificationStatus }

/** Requests that an e-mail is sent again, or now if it is still pending; the result stands beside it. */
export function ResendButton({ id, subject, status }: Props) {
  const { messages } = useI18n()
  const { emails: texts } = useStaffMessages()
  const { revalidate } = useRevalidator()
  const [sending, setSending] = useState(false)
  const [outcome, setOutcome] = useState<string>()
  const label = status === 'PENDING' ? texts.resendNow : texts.resend

  const resend = async (): Promise<void> => {
    setSending(true)
    try {
      await mutate(ResendEmailDocument, { id })
      setOutcome(texts.requested)
    } catch (error) {
      setOutcome(describeError(error, messages))
    }
    setSending(false)
    await revalidate()
  }
  return (
    <div className="flex flex-wrap items-center">
      <Button
        look="secondary"
        className="text-sm"
        disabled={sending}
        aria-label={texts.resendOf(label, subject)}
        onClick={() => void resend()}
      >
        {label}
      </Button>
      <span role="status" className="text-sm font-medium">
        {outcome !== undefined && <span className="ml-3">{outcome}</span>}
      </span>
    </div>
  )
}
