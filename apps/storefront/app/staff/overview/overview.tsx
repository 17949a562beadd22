import { Link } from 'react-router'
import { query } from '../../api/api.ts'
import { describeError } from '../../api/errors.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { StatusBadge } from '../../orders/status-badge.tsx'
import { Notice } from '../../ui/notice.tsx'
import { card, PageHeading } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import { usePolling } from '../use-polling.ts'
import type { Route } from './+types/overview.ts'
import { DayChart } from './day-chart.tsx'
import { EmailFiguresDocument } from './gen/email-figures.ts'
import { OrderFiguresDocument, type OrderFiguresQuery } from './gen/order-figures.ts'
import { Watch } from './watch.tsx'

type Figures = OrderFiguresQuery['orderStatistics']

/** The most that the API counts exactly. */
const MAX_COUNT = 10_000

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  // Two requests: while one of the services is away, the figures of the other are still shown.
  const [orders, emails] = await Promise.allSettled([
    query(OrderFiguresDocument, {}, 'network-only'),
    query(EmailFiguresDocument, {}, 'network-only'),
  ])
  return { orders, emails }
}

/** What happened today, and what needs someone. */
export default function Overview({ loaderData: { orders, emails } }: Route.ComponentProps) {
  const { messages, formats } = useI18n()
  const { overview: texts } = useStaffMessages()
  usePolling(true, 30_000)
  const figures = orders.status === 'fulfilled' ? orders.value.orderStatistics : undefined
  return (
    <>
      <PageHeading title={texts.title}>
        {figures && <p className="text-sm text-muted">{texts.at(formats.dateTime(figures.at))}</p>}
      </PageHeading>
      <div className="mt-6 flex flex-col gap-6">
        {figures ? (
          <OrderFigures figures={figures} />
        ) : (
          <Notice tone="warn" title={texts.figuresUnavailable}>
            {orders.status === 'rejected' && describeError(orders.reason, messages)}
          </Notice>
        )}
        <div className="grid items-start gap-6 lg:grid-cols-2">
          {figures && <ToDo figures={figures} />}
          <Watch figures={figures} emails={emails} />
        </div>
      </div>
    </>
  )
}

function OrderFigures({ figures: { days } }: { figures: Figures }) {
  const { formats } = useI18n()
  const { overview: texts } = useStaffMessages()
  const today = days.at(-1)
  const weekOrders = days.reduce((sum, { orders }) => sum + orders, 0)
  const weekCents = days.reduce((sum, { turnover }) => sum + Math.round(turnover * 100), 0)
  const tiles = [
    [texts.orders, formats.number(today?.orders ?? 0), today?.cancelled ? texts.cancelled(today.cancelled) : ''],
    [texts.turnover, formats.money(today?.turnover ?? 0), ''],
    [texts.weekOrders, formats.number(weekOrders), ''],
    [texts.weekTurnover, formats.money(weekCents / 100), ''],
  ] as const
  return (
    <>
      <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
        {tiles.map(([name, value, note]) => (
          <div key={name} className={`${card} p-4`}>
            <dt className="text-sm text-muted">{name}</dt>
            <dd className="mt-1 font-display text-xl font-bold tabular-nums [overflow-wrap:anywhere] sm:text-3xl">
              {value}
              {note !== '' && <span className="block font-sans text-sm font-normal text-muted">{note}</span>}
            </dd>
          </div>
        ))}
      </dl>
      <DayChart days={days} />
    </>
  )
}

/** The open orders by status, and how many of them are overdue. */
function ToDo({ figures: { statuses } }: { figures: Figures }) {
  const { formats, href } = useI18n()
  const { overview: texts } = useStaffMessages()
  const countOf = (count: number): string =>
    count >= MAX_COUNT ? texts.atLeast(formats.number(count)) : formats.number(count)
  return (
    <section aria-labelledby="todo" className={`${card} p-5`}>
      <h2 id="todo" className="text-xl font-bold">
        {texts.toDo}
      </h2>
      <ul className="mt-2 divide-y divide-line">
        {statuses
          .filter(({ status }) => status !== 'LIVREE' && status !== 'ANNULEE')
          .map(({ status, orders, overdue }) => (
            <li key={status} className="flex flex-wrap items-center gap-x-4">
              <Link
                to={href(`/staff/orders?status=${status}`)}
                className="flex min-h-12 flex-1 items-center gap-3 hover:underline"
              >
                <StatusBadge status={status} />
                <span className="text-lg font-bold tabular-nums">{countOf(orders)}</span>
              </Link>
              {overdue > 0 ? (
                <Link
                  to={href(`/staff/orders?status=${status}&overdue=true`)}
                  className="inline-flex min-h-11 items-center font-semibold text-danger underline"
                >
                  {texts.overdue(countOf(overdue), overdue === 1)}
                </Link>
              ) : (
                <span className="text-sm text-muted">{texts.onTime}</span>
              )}
            </li>
          ))}
      </ul>
    </section>
  )
}
