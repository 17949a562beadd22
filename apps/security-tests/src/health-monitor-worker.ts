// The worker thread of health-monitor.ts.
import { parentPort, workerData } from 'node:worker_threads'

/**
 * The health of a service over time. `longestGap`: the longest time without a successful response, in milliseconds.
 * `isAlive`: whether the last request was successful.
 */
export type ServiceHealth = { name: string; longestGap: number; isAlive: boolean }

/** The pause between two requests, in milliseconds. */
const POLL_INTERVAL = 100
/** Timeout of a request, in milliseconds. */
const TIMEOUT = 10_000

let isStopped = false

async function monitor([name, baseUrl]: [string, string]): Promise<ServiceHealth> {
  const health = { name, longestGap: 0, isAlive: true }
  let lastSuccess = performance.now()
  const check = async (): Promise<void> => {
    try {
      const response = await fetch(`${baseUrl}/healthz`, { signal: AbortSignal.timeout(TIMEOUT) })
      await response.body?.cancel()
      health.isAlive = response.ok
    } catch {
      health.isAlive = false
    }
    const now = performance.now()
    health.longestGap = Math.max(health.longestGap, now - lastSuccess)
    if (health.isAlive) lastSuccess = now
  }
  while (!isStopped) {
    await check()
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL))
  }
  await check()
  return health
}

parentPort?.once('message', () => {
  isStopped = true
})
const results = await Promise.all(Object.entries(workerData as Record<string, string>).map(monitor))
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage(results)
