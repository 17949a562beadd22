import type { Logger } from '@halles/service/log'
import { refusalOf } from '@halles/service/refusal'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Debts } from './debts.ts'

type Counts = Awaited<ReturnType<Debts['counts']>>

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

  /** One count for all the gauges of a scrape: each waits for it, else all but the first would tell the scrape before. */
  let counting: Promise<Counts | undefined> | undefined
  const count = async (): Promise<Counts | undefined> => {
    try {
      return await debts.counts()
    } catch (error) {
      // Without its database a service should still tell the rest.
      log.warn({ err: error }, 'gauges cannot be counted')
      return undefined
    } finally {
      counting = undefined
    }
  }
  const gauge = (name: string, help: string, of: (counts: Counts) => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const counts = await (counting ??= count())
        this.set(counts ? of(counts) : Number.NaN)
      },
    })
  gauge('order_events_unsent', 'Events not told yet, counted up to 10,000 orders.', ({ unsent }) => unsent)
  gauge(
    'order_event_unsent_oldest_seconds',
    'How long ago the oldest event not told yet happened; 0 when all is told.',
    ({ oldest }) => (oldest ? (Date.now() - oldest.getTime()) / 1000 : 0),
  )
  gauge('order_intents', 'Orders on their way, or being undone.', ({ intents }) => intents)
  gauge('order_stock_owed', 'Orders whose stock is owed back.', ({ owed }) => owed)

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
