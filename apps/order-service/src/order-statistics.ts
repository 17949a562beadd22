import { Status, statuses } from '@halles/contracts/order-events'
import { requireAdmin, type Principal } from '@halles/auth/principal'
import { MAX_TOTAL_COUNT } from '@halles/validation/page'
import { Nullable, Timestamp } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'
import { openStatuses } from './order.ts'
import type { OrderStore } from './orders.ts'
import type { ShopDays } from './shop-days.ts'

/** How many days the statistics have, today included. */
const DAYS = 7

/** How long they are kept, in milliseconds: so often at most, an instance reads the database for them. */
const MAX_AGE = 10_000

const Count = (description: string) => Type.Integer({ minimum: 0, maximum: MAX_TOTAL_COUNT, description })

/** What the staff sees first: the days of the last week, and what waits. */
export const OrderStatistics = Type.Object(
  {
    at: Timestamp,
    timeZone: Type.String({ description: 'The IANA time zone in which the days begin' }),
    days: Type.Array(
      Type.Object({
        date: Type.String({ format: 'date' }),
        orders: Type.Integer({ description: 'Orders placed on that day, without those that are cancelled now' }),
        turnover: Type.Number({ description: 'Euros: the sum of their totals, exact to the cent' }),
        cancelled: Type.Integer({ description: 'Orders placed on that day that are cancelled now' }),
      }),
      { description: 'The last 7 days, oldest first; the last one is today' },
    ),
    statuses: Type.Array(
      Type.Object({
        status: Status,
        orders: Count('Orders with this status now: exact up to 10,000'),
        overdue: Count('How many of them are overdue: exact up to 10,000'),
      }),
    ),
    unpublishedEvents: Count('Events that Kafka has not acknowledged, of up to 10,000 orders'),
    oldestUnpublishedAt: Nullable(Timestamp),
  },
  { title: 'OrderStatistics' },
)
export type OrderStatistics = Static<typeof OrderStatistics>

export type StatusStatistics = OrderStatistics['statuses'][number]

export type StatisticsReader = ReturnType<typeof createStatisticsReader>

type Deps = {
  orders: Pick<OrderStore, 'sumByDay' | 'count' | 'countBacklog'>
  days: ShopDays
  overdueSince: () => Date
  now: () => Date
}

/**
 * Creates the function that reads the statistics of orders, for admins. They are up to 10 s old, and concurrent requests share
 * one reading. A failure is not kept.
 *
 * The function throws AppError `FORBIDDEN` for anyone but an admin, `TIMEOUT` when one of its queries takes MongoDB more than 3 s.
 */
export function createStatisticsReader(deps: Deps) {
  let latest: { at: number; statistics: Promise<OrderStatistics> } | undefined

  return async (principal: Principal | undefined): Promise<OrderStatistics> => {
    requireAdmin(principal)
    const at = deps.now().getTime()
    if (latest === undefined || Math.abs(at - latest.at) >= MAX_AGE) {
      const reading = { at, statistics: readStatistics(deps) }
      latest = reading
      reading.statistics.catch(() => {
        if (latest === reading) latest = undefined
      })
    }
    return latest.statistics
  }
}

async function readStatistics({ orders, days, overdueSince, now }: Deps): Promise<OrderStatistics> {
  const at = now()
  const dates = Array.from({ length: DAYS }, (_, i) => days.dayAt(at, DAYS - 1 - i))
  const starts = [...dates.map((date) => days.startOf(date)), days.startOf(dates.at(-1)!, 1)]
  const before = overdueSince()
  const [sums, counts, backlog] = await Promise.all([
    orders.sumByDay(starts),
    Promise.all(
      statuses.map(async (status) => ({
        status,
        orders: await orders.count({ statuses: [status] }),
        overdue: openStatuses.includes(status) ? await orders.count({ statuses: [status], before }) : 0,
      })),
    ),
    orders.countBacklog(),
  ])
  return {
    at: at.toISOString(),
    timeZone: days.timeZone,
    days: dates.map((date, i) => ({ date, ...sums[i]! })),
    statuses: counts,
    unpublishedEvents: Math.min(backlog.unpublishedEvents, MAX_TOTAL_COUNT),
    oldestUnpublishedAt: backlog.oldestUnpublishedAt?.toISOString() ?? null,
  }
}
