import type { Metrics } from '@halles/service/metrics'
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Reservation } from './reservation.ts'

export type StockMetrics = ReturnType<typeof stockMetricsIn>

/** What an operator sees of the stock ledger. */
export function stockMetricsIn({ registry }: Metrics) {
  const registers = [registry]
  const reservations = new Counter({
    name: 'stock_reservations_total',
    help: 'Reservations answered, by outcome: held, refused, released (a tombstone was in the way).',
    labelNames: ['outcome'],
    registers,
  })
  const releases = new Counter({ name: 'stock_releases_total', help: 'Orders whose stock was given back.', registers })
  const batches = new Histogram({
    name: 'stock_batch_size',
    help: 'Orders that shared one transaction, by what was asked.',
    labelNames: ['kind'],
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers,
  })
  const retries = new Counter({
    name: 'stock_transaction_retries_total',
    help: 'Transactions begun again because another process was in the way or MongoDB was away.',
    registers,
  })
  const off = new Gauge({
    name: 'stock_off_balance_products',
    help: 'Products whose stock does not fit the ledger when it was last summed up: must be 0.',
    registers,
  })
  const summedUp = new Gauge({
    name: 'stock_balance_timestamp_seconds',
    help: 'When the ledger was last summed up, in seconds since 1970; 0 before the first time.',
    registers,
  })
  return {
    reserved: (outcome: Reservation['outcome']): void => reservations.inc({ outcome }),
    released: (orders: number): void => releases.inc(orders),
    batch: (kind: 'reserve' | 'release', size: number): void => batches.observe({ kind }, size),
    retried: (): void => retries.inc(),
    balance: (products: number): void => {
      off.set(products)
      summedUp.setToCurrentTime()
    },
  }
}
