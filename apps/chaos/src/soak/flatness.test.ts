import { describe, expect, it } from 'vitest'
import { findTrends, toSeries, type Series } from './flatness.ts'
import { plotMemory } from './plot.ts'
import { parseMetrics, type Sample } from './sampler.ts'

const MEGABYTE = 2 ** 20

/** 100 samples, in which memory and a collection have the values that the functions give for the numbers 0 to 99. */
const createSamples = (megabytes: (i: number) => number, documents: (i: number) => number = () => 5): Sample[] =>
  Array.from({ length: 100 }, (_, i) => ({
    at: i * 10_000,
    processes: new Map([
      ['order', { pid: 1, rss: megabytes(i) * MEGABYTE, heap: 50 * MEGABYTE, fds: 40, handles: 30 }],
      ['mongodb', { pid: 2, rss: (100 + i * 10) * MEGABYTE }],
    ]),
    collections: new Map([
      ['halles_auth.linkRequests', documents(i)],
      ['halles_order.orders', i * 100],
    ]),
  }))

const growing = (samples: Sample[]): string[] =>
  findTrends(toSeries(samples)).flatMap(({ name, isFlat }) => (isFlat ? [] : [name]))

describe('findTrends', () => {
  it('finds nothing where memory warms up and then varies', () => {
    expect(growing(createSamples((i) => Math.min(i, 20) * 5 + (i % 7) * 4))).toEqual([])
  })

  it('finds memory that grows steadily', () => {
    expect(growing(createSamples((i) => 100 + i))).toEqual(['order rss'])
  })

  it('finds a collection that grows and should not', () => {
    const samples = createSamples(
      () => 100,
      (i) => i * 3,
    )
    expect(growing(samples)).toEqual(['halles_auth.linkRequests'])
  })

  it('compares the medians of the second and the last fifth', () => {
    const series: Series = {
      name: 'x',
      unit: '',
      tolerance: 0,
      statistic: 'median',
      values: [900, 900, 10, 12, 0, 0, 0, 0, 11, 13],
    }
    expect(findTrends([series])).toMatchObject([{ early: 11, late: 12, isFlat: true }])
    expect(findTrends([{ ...series, values: [...series.values.slice(0, 8), 13, 13] }])[0]!.isFlat).toBe(false)
  })

  it('finds a heap whose garbage is collected, but whose lowest values rise', () => {
    const heap = (leak: number): Series => ({
      name: 'order heap',
      unit: 'MB',
      tolerance: 10,
      statistic: 'lowest',
      values: Array.from({ length: 100 }, (_, i) => 50 + (i % 9) * 12 + i * leak),
    })
    expect(findTrends([heap(0), heap(0.5)]).map(({ isFlat }) => isFlat)).toEqual([true, false])
  })

  it('ignores samples in which a process did not answer', () => {
    const samples = createSamples(() => 100)
    for (const sample of samples.slice(30, 60)) sample.processes.clear()
    expect(toSeries(samples).find(({ name }) => name === 'order rss')!.values).toHaveLength(70)
    expect(growing(samples)).toEqual([])
  })
})

describe('parseMetrics', () => {
  const text = [
    '# TYPE process_resident_memory_bytes gauge',
    'process_resident_memory_bytes{service="order-service"} 104857600',
    'nodejs_heap_size_used_bytes{service="order-service"} 5.5e7',
    'process_open_fds{service="order-service"} 44',
    'nodejs_active_resources_total{service="order-service"} 33',
  ]

  it('reads what a process holds', () => {
    expect(parseMetrics(text.join('\n'))).toEqual({ rss: 104_857_600, heap: 55_000_000, fds: 44, handles: 33 })
  })

  it('throws an error that names a missing metric', () => {
    expect(() => parseMetrics(text.slice(0, 3).join('\n'))).toThrow('process_open_fds')
  })
})

describe('plotMemory', () => {
  it('draws a line with a point for each sample of a process', () => {
    const svg = plotMemory(
      createSamples(() => 120),
      ['order'],
      'Memory',
    )
    expect(/<polyline [^>]*points="([^"]*)"/.exec(svg)?.[1]?.split(' ')).toHaveLength(100)
    expect(svg).toContain('>order</text>')
    expect(svg).toContain('>150</text>')
  })
})
