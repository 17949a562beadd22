import { Link } from 'react-router'
import { useI18n } from '../../i18n/i18n.tsx'
import { StatusBadge } from '../../orders/status-badge.tsx'
import { card } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import { CustomerName } from './customer-name.tsx'
import type { ListedOrder } from './orders-query.ts'

type Props = {
  orders: readonly ListedOrder[]
  selected: readonly ListedOrder[]
  onSelect: (ids: ReadonlySet<string>) => void
}

/** A page of orders. On a phone the customer and the day stand below the number. */
export function OrdersTable({ orders, selected, onSelect }: Props) {
  const { messages, formats, href } = useI18n()
  const { orders: texts } = useStaffMessages()
  const ids = new Set(selected.map(({ id }) => id))
  const toggle = (id: string): void => {
    const next = new Set(ids)
    if (!next.delete(id)) next.add(id)
    onSelect(next)
  }
  const cell = 'px-2 py-3 align-top sm:px-3'
  const wide = `${cell} hidden md:table-cell`
  const head = 'py-3 font-medium'
  const allSelected = selected.length === orders.length
  return (
    <table className={`${card} w-full border-separate border-spacing-0`}>
      <caption className="sr-only">{texts.title}</caption>
      <thead className="text-left text-sm text-muted">
        <tr>
          <th scope="col" className="w-11 pl-1 sm:pl-2">
            <Checkbox
              label={texts.selectAll}
              checked={allSelected}
              mixed={selected.length > 0 && !allSelected}
              onChange={() => onSelect(allSelected ? new Set() : new Set(orders.map(({ id }) => id)))}
            />
          </th>
          <th scope="col" className={`${cell} ${head}`}>
            {texts.columns.order}
          </th>
          <th scope="col" className={`${wide} ${head}`}>
            {texts.columns.customer}
          </th>
          <th scope="col" className={`${wide} ${head}`}>
            {texts.columns.placed}
          </th>
          <th scope="col" className={`${cell} ${head} text-right md:text-left`}>
            {texts.columns.status}
          </th>
          <th scope="col" className={`${wide} ${head} text-right`}>
            {texts.columns.total}
          </th>
        </tr>
      </thead>
      <tbody>
        {orders.map(({ id, number, customer, createdAt, status, total }) => (
          <tr key={id} className="has-[:checked]:bg-sunken [&>td]:border-t [&>td]:border-line">
            <td className="pl-1 align-top sm:pl-2">
              <Checkbox label={texts.select(number)} checked={ids.has(id)} onChange={() => toggle(id)} />
            </td>
            <td className={cell}>
              <Link
                to={href(`/staff/orders/${id}`)}
                prefetch="intent"
                className="font-semibold text-brand underline-offset-4 hover:underline"
              >
                {messages.order.title(number)}
              </Link>
              <div className="mt-1 md:hidden">
                <CustomerName customer={customer} />
                <span className="block text-sm text-muted">{formats.dateTime(createdAt)}</span>
              </div>
            </td>
            <td className={wide}>
              <CustomerName customer={customer} />
            </td>
            <td className={`${wide} whitespace-nowrap`}>{formats.dateTime(createdAt)}</td>
            <td className={`${cell} text-right md:text-left`}>
              <StatusBadge status={status} />
              <p className="mt-2 whitespace-nowrap font-semibold tabular-nums md:hidden">{formats.money(total)}</p>
            </td>
            <td className={`${wide} whitespace-nowrap text-right font-semibold tabular-nums`}>
              {formats.money(total)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

type CheckboxProps = { label: string; checked: boolean; mixed?: boolean; onChange: () => void }

/** A checkbox without a visible label, in an area of 44 px for fingers. */
function Checkbox({ label, checked, mixed = false, onChange }: CheckboxProps) {
  return (
    <label className="flex size-11 items-center justify-center">
      <span className="sr-only">{label}</span>
      <input
        type="checkbox"
        className="size-5 accent-brand"
        checked={checked}
        ref={(input) => {
          if (input) input.indeterminate = mixed
        }}
        onChange={onChange}
      />
    </label>
  )
}
