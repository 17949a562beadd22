import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How often the event loop is probed, and how often the result is read, in milliseconds. */
const RESOLUTION = 20
const INTERVAL = 250

let current: (() => number) | undefined

/**
 * How long events wait in this process's event loop, in milliseconds: the mean of the last quarter of a second. It is what a
 * request waits before any code of ours can see it, when the process has too much to do or too little CPU. Monitoring starts
 * with the first call, and does not keep the process alive.
 */
export function loopDelay(): number {
  current ??= startMonitor()
  return current()
}

function startMonitor(): () => number {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  histogram.enable()
  let delay = 0
  setInterval(() => {
    // Without a sample, not even this timer was on time, and the next interval says more.
    if (histogram.count > 0) delay = Math.max(0, histogram.mean / 1e6 - RESOLUTION)
    histogram.reset()
  }, INTERVAL).unref()
  return () => delay
}
