import type { Logger } from '@halles/service/log'
import type { Balance } from './balance.ts'

/** How often the ledger is summed up, in milliseconds. */
const EVERY = 60_000
/** It is summed up for at most one part in so many of the time: a ledger that has grown large is summed up less often. */
const PART = 20

type Helpers = {
  balance: Pick<Balance, 'off'>
  /** Told how many products are off balance. */
  onBalance: (off: number) => void
  log: Logger
  /** In milliseconds; the first time comes after it too. */
  every?: number
}

/**
 * Sums up the stock ledger again and again, and says loudly when it is off: that is a bug, or someone changed the database by
 * hand. Gives back how to stop.
 */
export function watchBalance({ balance, onBalance, log, every = EVERY }: Helpers): () => void {
  let stopped = false
  let timer: NodeJS.Timeout

  const look = async (): Promise<void> => {
    const began = performance.now()
    try {
      const { count, products } = await balance.off()
      if (stopped) return
      onBalance(count)
      if (count > 0) log.error({ count, products }, 'stock does not fit its ledger')
    } catch (error) {
      if (!stopped) log.warn({ err: error }, 'the stock ledger could not be summed up: again later')
    }
    lookAfter(Math.max(every, (performance.now() - began) * (PART - 1)))
  }

  const lookAfter = (pause: number): void => {
    if (!stopped) timer = setTimeout(() => void look(), pause).unref()
  }

  lookAfter(every)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
