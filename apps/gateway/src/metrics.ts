import type { Metrics } from '@halles/telemetry/metrics'
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Service } from './config.ts'
import type { FetchOutcome } from './graphql/subgraph.ts'

/** The state of a limit on concurrent requests. */
type LimitState = { limit: number; inFlight: number }

/**
 * Creates the gateway's own metrics, in addition to those of every service.
 *
 * @param limitStates the present state of each limit on concurrent requests, by its name
 */
export function createGatewayMetrics(
  { registry }: Metrics,
  limitStates: () => readonly (readonly [name: string, state: LimitState])[],
) {
  for (const [name, figure, help] of [
    ['gateway_concurrency_limit', 'limit', 'The present limit on concurrent requests.'],
    ['gateway_concurrent_requests', 'inFlight', 'Concurrent requests that have a slot of the limit.'],
  ] as const)
    registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames: ['to'],
        registers: [],
        collect() {
          for (const [to, state] of limitStates()) this.set({ to }, state[figure])
        },
      }),
    )
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
