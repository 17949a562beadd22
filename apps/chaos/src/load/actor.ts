import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../random.ts'
import type { RunLog } from '../run-log.ts'
import type { Api, Outcome, ShopClient } from './shop-client.ts'
import type { Catalogue } from './prepare-load.ts'

/** What a simulated buyer or admin works with. */
export type Actor = {
  client: ShopClient
  runLog: RunLog
  random: Random
  /** The random stream of flash sales. Sales come at times that depend on the machine, so they must not use up `random`. */
  saleRandom: Random
  catalogue: Catalogue
  flashSales: FlashSales
  /** Whether the load phase has ended. */
  isOver: () => boolean
}

/** Announces to all buyers at once that a scarce product is in stock again. */
export type FlashSales = ReturnType<typeof createFlashSales>

export function createFlashSales() {
  let { promise, resolve } = Promise.withResolvers<string>()
  return {
    /** Resolves with the id of the product of the next sale. */
    next: (): Promise<string> => promise,
    start: (productId: string): void => {
      resolve(productId)
      ;({ promise, resolve } = Promise.withResolvers<string>())
    },
  }
}

/** The pause of an actor between two actions, in milliseconds. */
export const THINK_TIME: [low: number, high: number] = [50, 450]

export const apis: readonly Api[] = ['REST', 'GraphQL']

/** The pause after a refused connection, in milliseconds. */
const RECONNECT_PAUSE = 500

/** Waits a moment if the connection was refused, so that clients do not spin while the gateway is down. */
export async function pauseIfRefused(outcome: Outcome<unknown>): Promise<void> {
  if (outcome.kind === 'unknown' && outcome.reason === 'ECONNREFUSED') await pause(RECONNECT_PAUSE)
}
