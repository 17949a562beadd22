import type { Logger } from '@halles/telemetry/log'
import { toAppError } from '@halles/errors/app-error'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Backlog, OrderStore } from './orders.ts'

export type OrderMetrics = ReturnType<typeof createOrderMetrics>

/** Registers this service's own metrics. The gauges are counted in the database at each scrape. */
export function createOrderMetrics(registry: Registry, orders: Pick<OrderStore, 'countBacklog'>, log: Logger) {
  const registers = [registry]
  const placed = new Counter({ name: 'orders_placed_total', help: 'Orders placed.', registers })
  const rejected = new Counter({
    name: 'orders_rejected_total',
    help: 'Requests to place an order that failed, by error code.',
    labelNames: ['code'],
    registers,
  })
  const publishLag = new Histogram({
    name: 'order_event_publish_lag_seconds',
    help: "Time from an event to Kafka's acknowledgement.",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 3600],
    registers,
  })

  /** One count for all gauges of a scrape. Each awaits it, or all but the first would report the scrape before. */
  let counting: Promise<Backlog | undefined> | undefined
  const count = async (): Promise<Backlog | undefined> => {
    try {
      return await orders.countBacklog()
    } catch (error) {
      // While the database is away, the other metrics are still served.
      log.warn({ err: error }, 'gauges cannot be counted')
      return undefined
    } finally {
      counting = undefined
    }
  }
  const gauge = (name: string, help: string, toValue: (backlog: Backlog) => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const backlog = await (counting ??= count())
        this.set(backlog ? toValue(backlog) : Number.NaN)
      },
    })
  gauge(
    'order_events_unpublished',
    'Events that Kafka has not acknowledged, of up to 10,000 orders.',
    ({ unpublishedEvents }) => unpublishedEvents,
  )
  gauge(
    'order_events_unpublished_oldest_age_seconds',
    'Age of the oldest event that Kafka has not acknowledged; 0 when there is none.',
    ({ oldestUnpublishedAt }) => (oldestUnpublishedAt ? (Date.now() - oldestUnpublishedAt.getTime()) / 1000 : 0),
  )
  gauge(
    'orders_pending',
    'Pending orders, those that are being cancelled included.',
    (backlog) => backlog.pendingOrders,
  )
  gauge('order_stock_releases_pending', 'Orders whose stock must be released.', (backlog) => backlog.pendingReleases)

  return {
    observePublished: (at: Date): void => publishLag.observe(Math.max(0, Date.now() - at.getTime()) / 1000),
    /** Counts the outcome of placing an order, and passes it on. */
    countOutcome: async <T extends { replayed: boolean }>(placing: Promise<T>): Promise<T> => {
      try {
        const result = await placing
        if (!result.replayed) placed.inc()
        return result
      } catch (error) {
        rejected.inc({ code: toAppError(error)?.code ?? 'INTERNAL' })
        throw error
      }
    },
  }
}
