// The thread of watch.ts.
import { parentPort, workerData } from 'node:worker_threads'

/** How long a service went without saying that it is alive, at the most, in milliseconds, and whether it did at the end. */
export type Watched = { name: string; gap: number; alive: boolean }

const EVERY = 100
/** How long /healthz may take, in milliseconds. */
const WITHIN = 10_000

let stopped = false

async function watch([name, base]: [string, string]): Promise<Watched> {
  const seen = { name, gap: 0, alive: true }
  let last = performance.now()
  const look = async (): Promise<void> => {
    try {
      const answer = await fetch(`${base}/healthz`, { signal: AbortSignal.timeout(WITHIN) })
      await answer.body?.cancel()
      seen.alive = answer.ok
    } catch {
      seen.alive = false // told as such
    }
    const now = performance.now()
    seen.gap = Math.max(seen.gap, now - last)
    if (seen.alive) last = now
  }
  while (!stopped) {
    await look()
    await new Promise((resolve) => setTimeout(resolve, EVERY))
  }
  await look()
  return seen
}

parentPort?.once('message', () => {
  stopped = true
})
const watched = await Promise.all(Object.entries(workerData as Record<string, string>).map(watch))
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage(watched)
