import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof metricsOf>

/**
 * A service's Prometheus metrics: the process's own, and the duration of every request by method, route and status.
 * A service adds its own to `registry`.
 */
export function metricsOf(service: string) {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request, by route pattern.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  return {
    registry,
    /** Counts one request; `ms` is how long it took. */
    request: (method: string, route: string, status: number, ms: number): void =>
      duration.observe({ method, route, status }, ms / 1000),
  }
}
