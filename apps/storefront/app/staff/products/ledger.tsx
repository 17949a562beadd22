import { clsx } from 'clsx'
import { Link } from 'react-router'
import { useI18n } from '../../i18n/i18n.tsx'
import { card, Count, Pager } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import type { StaffProductQuery } from './gen/staff-product.ts'

type Movements = NonNullable<NonNullable<StaffProductQuery['product']>['stockMovements']>
type Movement = Movements['nodes'][number]

/** What changed the stock of a product, newest first: who, why, and for which order. */
export function Ledger({ movements }: { movements: Movements | null }) {
  const { formats } = useI18n()
  const { products } = useStaffMessages()
  const texts = products.ledger
  const cell = 'px-5 py-3 align-top'
  return (
    <section aria-labelledby="ledger" className={card}>
      <div className="flex flex-wrap items-baseline justify-between gap-2 p-5 pb-2">
        <h2 id="ledger" className="text-xl font-bold">
          {texts.title}
        </h2>
        {movements && (
          <p className="text-sm text-muted">
            <Count count={movements.totalCount} isExact={movements.totalCountIsExact} word={texts.word} />
          </p>
        )}
      </div>
      {movements === null ? (
        <p className="p-5 pt-2 text-muted">{texts.unavailable}</p>
      ) : (
        <table className="w-full border-separate border-spacing-0">
          <caption className="sr-only">{texts.title}</caption>
          <thead className="text-left text-sm text-muted">
            <tr>
              <th scope="col" className={`${cell} hidden font-medium sm:table-cell`}>
                {texts.at}
              </th>
              <th scope="col" className={`${cell} font-medium`}>
                {texts.what}
              </th>
              <th scope="col" className={`${cell} text-right font-medium`}>
                {texts.change}
              </th>
            </tr>
          </thead>
          <tbody>
            {movements.nodes.map((movement) => (
              <tr key={movement.id} className="[&>td]:border-t [&>td]:border-line">
                <td className={`${cell} hidden whitespace-nowrap sm:table-cell`}>{formats.dateTime(movement.at)}</td>
                <td className={cell}>
                  <What movement={movement} />
                  <span className="block text-sm text-muted sm:hidden">{formats.dateTime(movement.at)}</span>
                </td>
                <td
                  className={clsx(
                    cell,
                    'whitespace-nowrap text-right font-semibold tabular-nums',
                    movement.delta < 0 ? 'text-danger' : 'text-ok',
                  )}
                >
                  {`${movement.delta < 0 ? '−' : '+'}${formats.number(Math.abs(movement.delta))}`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {movements && (
        <div className="px-5 pb-5">
          <Pager pageInfo={movements.pageInfo} />
        </div>
      )}
    </section>
  )
}

function What({ movement: { kind, reason, by, order } }: { movement: Movement }) {
  const { href } = useI18n()
  const { products } = useStaffMessages()
  const texts = products.ledger
  return (
    <>
      <span className="font-medium">{texts.kinds[kind]}</span>
      {reason !== null && (
        <>
          {' · '}
          <bdi className="[overflow-wrap:anywhere]">{reason === 'replaced' ? texts.replaced : reason}</bdi>
        </>
      )}
      {order && (
        <>
          {' · '}
          <Link to={href(`/staff/orders/${order.id}`)} className="text-brand underline">
            {texts.order(order.number)}
          </Link>
        </>
      )}
      {by && (
        <span className="block text-sm text-muted [overflow-wrap:anywhere]">
          {by.name === '' ? texts.deleted : texts.by(by.name)}
        </span>
      )}
    </>
  )
}
