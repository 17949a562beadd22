import { clsx } from 'clsx'
import { Check, X } from 'lucide-react'
import type { OrderStatus } from '../gen/schema.ts'
import { useI18n } from '../i18n/i18n.tsx'

const steps: readonly OrderStatus[] = ['RECUE', 'CONFIRMEE', 'PREPAREE', 'LIVREE']

type Props = {
  status: OrderStatus
  /** `by`: who set the status, where the reader may know. */
  history: readonly { status: OrderStatus; timestamp: string; by?: string | undefined }[]
}

/** The statuses that an order has had, and those that are still to come. */
export function StatusTimeline({ status, history }: Props) {
  const { messages, formats } = useI18n()
  const isCancelled = status === 'ANNULEE'
  const reached = new Map(history.map((change) => [change.status, change]))
  const shown = isCancelled ? history.map((change) => change.status) : steps
  return (
    <ol className="flex flex-col gap-0">
      {shown.map((step, i) => {
        const change = reached.get(step)
        const isDone = change !== undefined
        return (
          <li key={step} aria-current={step === status ? 'step' : undefined} className="flex gap-3">
            <span className="flex flex-col items-center" aria-hidden="true">
              <span
                className={clsx(
                  'flex size-8 items-center justify-center rounded-full border-2',
                  step === 'ANNULEE'
                    ? 'border-danger text-danger'
                    : isDone
                      ? 'border-brand bg-brand text-on-brand'
                      : 'border-line',
                )}
              >
                {step === 'ANNULEE' ? <X className="size-4" /> : isDone && <Check className="size-4" />}
              </span>
              {i < shown.length - 1 && <span className="h-6 w-0.5 bg-line" />}
            </span>
            <span className="pt-1">
              <span className={clsx(isDone ? 'font-semibold' : 'text-muted')}>{messages.order.statuses[step]}</span>
              {change !== undefined && (
                <span className="ml-2 text-sm text-muted">
                  {formats.dateTime(change.timestamp)}
                  {change.by !== undefined && <bdi className="block [overflow-wrap:anywhere]">{change.by}</bdi>}
                </span>
              )}
            </span>
          </li>
        )
      })}
    </ol>
  )
}
