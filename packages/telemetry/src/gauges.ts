import pTimeout from 'p-timeout'
import { Gauge, type Registry } from 'prom-client'
import type { Logger } from './log.ts'

/** How long a scrape waits for the values, in milliseconds. */
const READ_TIMEOUT = 1000

type GaugeOptions<T> = { name: string; help: string; toValue: (values: T) => number }

/**
 * Registers gauges whose values are read together at each scrape, such as counts in a database. While `read` fails, or takes
 * longer than a second, they are NaN, and the other metrics are served all the same.
 */
export function registerGauges<T>(
  registry: Registry,
  read: () => Promise<T>,
  gauges: readonly GaugeOptions<T>[],
  log: Pick<Logger, 'warn'>,
): void {
  /** The values of the scrape in progress. Each gauge waits for them, or all but the first would report the scrape before. */
  let reading: Promise<T | undefined> | undefined
  const readOnce = async (): Promise<T | undefined> => {
    try {
      return await pTimeout(read(), { milliseconds: READ_TIMEOUT })
    } catch (error) {
      log.warn({ err: error, gauges: gauges.map(({ name }) => name) }, 'gauges cannot be read')
      return undefined
    } finally {
      reading = undefined
    }
  }
  for (const { name, help, toValue } of gauges) {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      async collect() {
        const values = await (reading ??= readOnce())
        this.set(values === undefined ? Number.NaN : toValue(values))
      },
    })
    registry.registerMetric(gauge)
  }
}
