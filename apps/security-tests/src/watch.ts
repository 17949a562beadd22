import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Place } from './place.ts'
import type { Watched } from './watching.ts'

export type { Watched }

/**
 * Asks every door that is known for its health, ten times a second, until `stop`, which tells how they were. In a thread
 * of its own, so that what the attacker is busy with does not look like a silence of the shop.
 */
export function watchOver({ gateway, services }: Place): { stop: () => Promise<Watched[]> } {
  const worker = new Worker(new URL('watching.ts', import.meta.url), { workerData: { gateway, ...services } })
  return {
    stop: async () => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage('stop')
      const [watched] = (await once(worker, 'message')) as [Watched[]]
      return watched
    },
  }
}
