import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ServiceHealth } from './health-monitor-worker.ts'
import type { ShopUnderTest } from './shop-under-test.ts'

export type { ServiceHealth }

/**
 * Polls `/healthz` of the gateway and of every known service ten times a second, until `stop`, which returns the results.
 * The monitor runs in a worker thread: the load of the attacks on this thread must not look like an unresponsive service.
 */
export function monitorHealth({ gateway, services }: ShopUnderTest): { stop: () => Promise<ServiceHealth[]> } {
  const worker = new Worker(new URL('health-monitor-worker.ts', import.meta.url), {
    workerData: { gateway, ...services },
  })
  return {
    stop: async () => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage('stop')
      const [health] = (await once(worker, 'message')) as [ServiceHealth[]]
      return health
    },
  }
}
