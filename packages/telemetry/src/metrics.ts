import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

/**
 * Creates a service's Prometheus metrics: the defaults of prom-client, a histogram of request durations by method, route and
 * status, and a counter of requests that were refused because of load. A service registers its own metrics in `registry`.
 */
export function createMetrics(service: string) {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of HTTP requests, by route pattern.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'http_requests_refused_total',
    help: 'HTTP requests that were refused because of load.',
    registers: [registry],
  })
  return {
    registry,
    /** Records one request; `ms` is its duration. */
    recordRequest: (method: string, route: string, status: number, ms: number): void =>
      duration.observe({ method, route, status }, ms / 1000),
    recordRefusal: (): void => refusals.inc(),
  }
}
