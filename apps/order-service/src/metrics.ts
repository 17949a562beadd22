import type { Logger } from '@halles/service/log'
import { refusalOf } from '@halles/service/refusal'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Debts } from './debts.ts'

/** What this service counts beside its requests. The gauges are counted when they are asked for. */
export function orderMetrics(registry: Registry, debts: Pick<Debts, 'counts'>, log: Logger) {
  const registers = [registry]
  const placed = new Counter({ name: 'orders_placed_total', help: 'Orders placed.', registers })
  const refused = new Counter({
    name: 'orders_refused_total',
    help: 'Orders refused, by code of the contract.',
    labelNames: ['code'],
    registers,
  })
  const toldAfter = new Histogram({
    name: 'order_event_publish_lag_seconds',
    help: "From an event's happening to Kafka's acknowledgement.",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 3600],
    registers,
  })

  const unsent = new Gauge({
    name: 'order_events_unsent',
    help: 'Events not told yet, counted up to 10,000 orders.',
    registers,
    // One count for all of them, at the first gauge that a scrape comes to.
    collect: () => count(),
  })
  const oldest = new Gauge({
    name: 'order_event_unsent_oldest_seconds',
    help: 'How long ago the oldest event not told yet happened; 0 when all is told.',
    registers,
  })
  const intents = new Gauge({ name: 'order_intents', help: 'Orders on their way, or being undone.', registers })
  const owed = new Gauge({ name: 'order_stock_owed', help: 'Orders whose stock is owed back.', registers })

  const count = async (): Promise<void> => {
    try {
      const counts = await debts.counts()
      unsent.set(counts.unsent)
      oldest.set(counts.oldest ? (Date.now() - counts.oldest.getTime()) / 1000 : 0)
      intents.set(counts.intents)
      owed.set(counts.owed)
    } catch (error) {
      // Without its database a service should still tell the rest.
      log.warn({ err: error }, 'gauges cannot be counted')
      for (const gauge of [unsent, oldest, intents, owed]) gauge.set(Number.NaN)
    }
  }

  return {
    told: (at: Date): void => toldAfter.observe(Math.max(0, Date.now() - at.getTime()) / 1000),
    /** Counts what becomes of a placing, and gives it back. */
    placing: async <T extends { replayed: boolean }>(placing: Promise<T>): Promise<T> => {
      try {
        const result = await placing
        if (!result.replayed) placed.inc()
        return result
      } catch (error) {
        refused.inc({ code: refusalOf(error)?.code ?? 'INTERNAL' })
        throw error
      }
    },
  }
}
