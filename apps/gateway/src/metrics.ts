import type { Metrics } from '@halles/service/metrics'
import { Counter, Histogram } from 'prom-client'
import type { Service } from './config.ts'
import type { Outcome } from './subgraph.ts'

/** The gateway's own metrics, beside those that every service has. */
export function gatewayMetrics({ registry }: Metrics) {
  const fetches = new Histogram({
    name: 'gateway_fetch_duration_seconds',
    help: 'Time that a subgraph took to answer, by subgraph and outcome.',
    labelNames: ['subgraph', 'outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const plans = new Counter({
    name: 'gateway_query_plans_total',
    help: 'Operations executed, by whether their query plan was in the cache.',
    labelNames: ['cache'],
    registers: [registry],
  })
  return {
    fetched: (subgraph: Service, outcome: Outcome, seconds: number): void =>
      fetches.observe({ subgraph, outcome }, seconds),
    planned: (hit: boolean): void => plans.inc({ cache: hit ? 'hit' : 'miss' }),
  }
}
