import type { Sample } from './sampler.ts'

/** A quantity over the time of a run, and whether it may grow. */
export type Series = {
  name: string
  unit: 'MB' | ''
  /** Growth up to this much is noise; undefined for a series that may grow, as orders do. */
  tolerance: number | undefined
  /** Which value of a part of the run is compared. A heap is as large as what is in use only right after a collection. */
  statistic: 'median' | 'lowest'
  values: number[]
}

/** A series with its statistic in the second and in the last fifth of the run. */
export type Trend = Series & { early: number; late: number; isFlat: boolean }

const MEGABYTE = 2 ** 20
/** Growth by this share is noise, in addition to the tolerance of a series. */
const TOLERATED_SHARE = 0.1
const TOLERANCES = { rss: 15, heap: 10, fds: 15, handles: 15, documents: 50 }

/**
 * The collections that grow with what customers do, because the data are kept: forever, or for longer than a run. All
 * others must stay flat, and so must the work in progress.
 */
const growingCollections = new Set([
  'halles_auth.users',
  'halles_auth.securityLog',
  'halles_auth.failedAttempts',
  'halles_auth.sessions',
  'halles_product.movements',
  'halles_product.reservations',
  'halles_order.orders',
  'halles_notification.emails',
  'halles_notification.deadLetters',
])

/** Servers whose memory follows their data and caches. It is shown, and not judged. */
const isServer = (name: string): boolean => /^(mongodb|kafka|mailbox)/.test(name)

/** Arranges samples by series: the memory, file descriptors and handles of each process, and each collection. */
export function toSeries(samples: readonly Sample[]): Series[] {
  const processes = new Set(samples.flatMap((sample) => [...sample.processes.keys()]))
  const collections = new Set(samples.flatMap((sample) => [...sample.collections.keys()]))
  const ofProcess = (name: string): Series[] => {
    const list = samples.flatMap((sample) => sample.processes.get(name) ?? [])
    const series = (field: 'rss' | 'heap' | 'fds' | 'handles', scale = 1): Series => ({
      name: `${name} ${field}`,
      unit: scale === 1 ? '' : 'MB',
      tolerance: isServer(name) ? undefined : TOLERANCES[field],
      statistic: field === 'heap' ? 'lowest' : 'median',
      values: list.flatMap((sample) => (sample[field] === undefined ? [] : [sample[field] / scale])),
    })
    return [series('rss', MEGABYTE), series('heap', MEGABYTE), series('fds'), series('handles')]
  }
  return [
    ...[...processes].toSorted().flatMap(ofProcess),
    ...[...collections].toSorted().map((name): Series => ({
      name,
      unit: '',
      tolerance: growingCollections.has(name) ? undefined : TOLERANCES.documents,
      statistic: 'median',
      values: samples.flatMap((sample) => sample.collections.get(name) ?? []),
    })),
  ].filter(({ values }) => values.length > 0)
}

/**
 * Compares the last fifth of a run with the second one, as the first is the warm-up. A series is flat when its statistic
 * has grown by no more than 10 % and its tolerance.
 */
export function findTrends(series: readonly Series[]): Trend[] {
  return series.map((one) => {
    const fifth = one.values.length / 5
    const summarize = one.statistic === 'median' ? median : (values: readonly number[]) => Math.min(...values)
    const early = summarize(one.values.slice(Math.floor(fifth), Math.ceil(2 * fifth)))
    const late = summarize(one.values.slice(Math.floor(4 * fifth)))
    const isFlat = one.tolerance === undefined || late <= early * (1 + TOLERATED_SHARE) + one.tolerance
    return { ...one, early, late, isFlat }
  })
}

export const formatQuantity = (value: number, unit: Series['unit']): string =>
  unit === '' ? String(Math.round(value)) : `${Math.round(value)} ${unit}`

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
