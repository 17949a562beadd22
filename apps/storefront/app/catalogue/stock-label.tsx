import { clsx } from 'clsx'
import { useI18n } from '../i18n/i18n.tsx'

/** Below this number of pieces the page says how many are left. */
const FEW = 10

/** Whether a product can be had. `quiet` says nothing when there is plenty. */
export function StockLabel({ stock, quiet = false }: { stock: number; quiet?: boolean }) {
  const { messages } = useI18n()
  if (quiet && stock >= FEW) return null
  return (
    <p className={clsx('text-sm font-medium', stock === 0 ? 'text-danger' : stock < FEW ? 'text-warn' : 'text-ok')}>
      {stock === 0 ? messages.product.soldOut : stock < FEW ? messages.product.left(stock) : messages.product.inStock}
    </p>
  )
}
