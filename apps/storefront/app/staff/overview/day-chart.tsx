import { useI18n } from '../../i18n/i18n.tsx'
import { card } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'

type Day = { date: string; orders: number; turnover: number }

/** The height of the tallest bar, in the units of the drawing. */
const HEIGHT = 100

/** A bar chart of the turnover by day. Screen readers get the same as a table. */
export function DayChart({ days }: { days: readonly Day[] }) {
  const { formats } = useI18n()
  const { overview: texts } = useStaffMessages()
  const most = Math.max(...days.map(({ turnover }) => turnover), 1)
  return (
    <section aria-labelledby="chart" className={`${card} p-5`}>
      <h2 id="chart" className="text-xl font-bold">
        {texts.chart}
      </h2>
      <div aria-hidden="true" className="mt-4 grid grid-cols-7 gap-2 sm:gap-4">
        {days.map(({ date, turnover }, i) => {
          const height = (turnover / most) * HEIGHT
          return (
            <div key={date} className="flex min-w-0 flex-col items-center gap-1">
              <svg viewBox={`0 0 10 ${HEIGHT}`} preserveAspectRatio="none" className="h-36 w-full max-w-16">
                <rect y={HEIGHT - 1} width="10" height="1" className="fill-line" />
                <rect
                  y={HEIGHT - height}
                  width="10"
                  height={height}
                  className={i === days.length - 1 ? 'fill-brand' : 'fill-brand opacity-50'}
                />
              </svg>
              <span className="text-center text-xs text-muted sm:text-sm">{formats.weekday(date)}</span>
              <span className="hidden text-sm font-semibold tabular-nums sm:block">{formats.money(turnover)}</span>
            </div>
          )
        })}
      </div>
      <table className="sr-only">
        <caption>{texts.chart}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.day}</th>
            <th scope="col">{texts.dayOrders}</th>
            <th scope="col">{texts.dayTurnover}</th>
          </tr>
        </thead>
        <tbody>
          {days.map(({ date, orders, turnover }) => (
            <tr key={date}>
              <th scope="row">{formats.weekday(date)}</th>
              <td>{formats.number(orders)}</td>
              <td>{formats.money(turnover)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
