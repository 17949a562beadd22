import { clsx } from 'clsx'
import type { OrderStatus } from '../gen/schema.ts'
import { useI18n } from '../i18n/i18n.tsx'

const looks: Record<OrderStatus, string> = {
  RECUE: 'bg-warn-soft text-warn',
  CONFIRMEE: 'bg-ok-soft text-ok',
  PREPAREE: 'bg-ok-soft text-ok',
  LIVREE: 'bg-brand text-on-brand',
  ANNULEE: 'bg-danger-soft text-danger',
}

export function StatusBadge({ status }: { status: OrderStatus }) {
  const { messages } = useI18n()
  return (
    <span
      className={clsx('inline-block whitespace-nowrap rounded-full px-3 py-1 text-sm font-semibold', looks[status])}
    >
      {messages.order.statuses[status]}
    </span>
  )
}
