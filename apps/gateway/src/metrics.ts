import type { Metrics } from '@halles/telemetry/metrics'
import { Counter, Histogram } from 'prom-client'
import type { Service } from './config.ts'
import type { FetchOutcome } from './graphql/subgraph.ts'

/** Creates the gateway's own metrics, in addition to those of every service. */
export function createGatewayMetrics({ registry }: Metrics) {
  const fetches = new Histogram({
    name: 'gateway_subgraph_fetch_duration_seconds',
    help: 'Duration of subgraph fetches, by subgraph and outcome.',
    labelNames: ['subgraph', 'outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const plans = new Counter({
    name: 'gateway_query_plans_total',
    help: 'Executed operations, by whether their query plan was cached.',
    labelNames: ['cache'],
    registers: [registry],
  })
  return {
    recordFetch: (subgraph: Service, outcome: FetchOutcome, seconds: number): void =>
      fetches.observe({ subgraph, outcome }, seconds),
    recordPlanLookup: (hit: boolean): void => plans.inc({ cache: hit ? 'hit' : 'miss' }),
  }
}
