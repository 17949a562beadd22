import type { Metrics } from '@halles/telemetry/metrics'
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Reservation } from './reservation.ts'

export type StockMetrics = ReturnType<typeof createStockMetrics>

/** Registers the metrics of the stock ledger, and returns functions that record them. */
export function createStockMetrics({ registry }: Metrics) {
  const registers = [registry]
  const reservations = new Counter({
    name: 'stock_reservations_total',
    help: 'Reservation requests answered, by outcome: held, refused, released (the order had been released before).',
    labelNames: ['outcome'],
    registers,
  })
  const releases = new Counter({
    name: 'stock_releases_total',
    help: 'Orders whose stock was released.',
    registers,
  })
  const batches = new Histogram({
    name: 'stock_batch_size',
    help: 'Orders in one transaction, by kind of request: reserve, release.',
    labelNames: ['kind'],
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers,
  })
  const retries = new Counter({
    name: 'stock_transaction_retries_total',
    help: 'Transactions retried after a conflict with another process or a lost connection to MongoDB.',
    registers,
  })
  const inconsistent = new Gauge({
    name: 'stock_inconsistent_products',
    help: 'Products whose stock differed from the ledger at the last reconciliation: must be 0.',
    registers,
  })
  const lastReconciliation = new Gauge({
    name: 'stock_reconciliation_last_success_timestamp_seconds',
    help: 'When the last reconciliation of any instance finished, in seconds since 1970; 0 before the first.',
    registers,
  })
  return {
    reserved: (outcome: Reservation['outcome']): void => reservations.inc({ outcome }),
    released: (orders: number): void => releases.inc(orders),
    batch: (kind: 'reserve' | 'release', size: number): void => batches.observe({ kind }, size),
    retried: (): void => retries.inc(),
    reconciled: (inconsistentProducts: number, at: Date): void => {
      inconsistent.set(inconsistentProducts)
      lastReconciliation.set(at.getTime() / 1000)
    },
  }
}
