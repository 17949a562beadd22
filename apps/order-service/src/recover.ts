import type { Logger } from '@halles/service/log'
import { refusalOf } from '@halles/service/refusal'
import { rounds } from '@halles/service/rounds'
import type { Debts } from './debts.ts'
import type { Intents } from './intents.ts'
import type { Stock } from './stock.ts'

/** How many orders' stock is given back at a time. */
const TOGETHER = 64

export type RecoveryHelpers = {
  intents: Pick<Intents, 'abandon' | 'abandonOld'>
  debts: Pick<Debts, 'takeOwed' | 'givenBack'>
  stock: Pick<Stock, 'release'>
  log: Logger
  /** How often to look, in milliseconds. */
  pause?: number
}

export type Recovery = ReturnType<typeof recoveryOf>

/**
 * Undoes what was left in between, at the start and from then on: an intent that did not become an order in time never
 * does (its customer was told 503 or nothing, and may have ordered anew), and stock that is owed back (by such an
 * intent, or a cancelled order) is given back until product-service acknowledges it. Several instances do no harm:
 * every step asks for what it undoes, and a release gives back once.
 */
export function recoveryOf({ intents, debts, stock, log, pause = 2000 }: RecoveryHelpers) {
  /** Side by side: product-service gives back in one transaction what comes together. */
  const giveBack = async (orderIds: string[]): Promise<void> => {
    const releases = await Promise.allSettled(orderIds.map(stock.release))
    await debts.givenBack(orderIds.filter((_, i) => releases[i]?.status === 'fulfilled'))
    for (const [i, release] of releases.entries()) {
      if (release.status === 'fulfilled') continue
      // Without product-service the others would fail as well: the next round tries again.
      if (refusalOf(release.reason)) throw release.reason
      log.error({ err: release.reason, orderId: orderIds[i] }, 'stock not given back: trying again later')
    }
  }

  const work = rounds(
    'recovery',
    pause,
    async () => {
      const abandoned = await intents.abandonOld()
      if (abandoned > 0) log.warn({ intents: abandoned }, 'undoing what was left behind')
      for (;;) {
        const owed = await debts.takeOwed(TOGETHER)
        if (owed.length === 0) break
        await giveBack(owed)
      }
    },
    log,
  )

  return {
    /** Undoes an intent whose fate is not known. Never rejects: what fails here is done by a later round. */
    giveUp: async (orderId: string): Promise<void> => {
      try {
        await intents.abandon(orderId)
        work.soon()
      } catch (error) {
        log.warn({ err: error, orderId }, 'intent left to recovery')
      }
    },
    /** Says that stock is owed back. */
    owed: (): void => work.soon(),
    stop: work.stop,
  }
}
