import { clsx } from 'clsx'
import { useI18n } from '../../i18n/i18n.tsx'
import { useStaffMessages } from '../staff-i18n.ts'

/** How many are in stock, in a colour that says whether someone must act. */
export function StockBadge({ stock }: { stock: number }) {
  const { formats } = useI18n()
  const { products: texts } = useStaffMessages()
  return (
    <span
      className={clsx(
        'inline-block rounded-full px-3 py-1 text-sm font-semibold tabular-nums',
        stock === 0 ? 'bg-danger-soft text-danger' : stock <= 5 ? 'bg-warn-soft text-warn' : 'bg-ok-soft text-ok',
      )}
    >
      {stock === 0 ? texts.soldOut : formats.number(stock)}
    </span>
  )
}
