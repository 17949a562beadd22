import type { Logger } from '@halles/telemetry/log'
import { toAppError } from '@halles/errors/app-error'
import { registerGauges } from '@halles/telemetry/gauges'
import { Counter, Histogram, type Registry } from 'prom-client'
import type { OrderStore } from './orders.ts'

export type OrderMetrics = ReturnType<typeof createOrderMetrics>

/** Registers this service's own metrics. The gauges are counted in the database at each scrape; while it is away they are NaN. */
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

  registerGauges(
    registry,
    orders.countBacklog,
    [
      {
        name: 'order_events_unpublished',
        help: 'Events that Kafka has not acknowledged, of up to 10,000 orders.',
        toValue: ({ unpublishedEvents }) => unpublishedEvents,
      },
      {
        name: 'order_events_unpublished_oldest_age_seconds',
        help: 'Age of the oldest event that Kafka has not acknowledged; 0 when there is none.',
        toValue: ({ oldestUnpublishedAt }) =>
          oldestUnpublishedAt ? (Date.now() - oldestUnpublishedAt.getTime()) / 1000 : 0,
      },
      {
        name: 'orders_pending',
        help: 'Pending orders, those that are being cancelled included.',
        toValue: ({ pendingOrders }) => pendingOrders,
      },
      {
        name: 'order_stock_releases_pending',
        help: 'Orders whose stock must be released.',
        toValue: ({ pendingReleases }) => pendingReleases,
      },
    ],
    log,
  )

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
