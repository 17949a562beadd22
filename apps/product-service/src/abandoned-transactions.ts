import type { Logger } from '@halles/telemetry/log'
import { ReadConcern, type MongoClient } from 'mongodb'

/** A live process never leaves its transaction idle for this long, in microseconds. */
const ABANDONED_AFTER_MICROS = 150_000

/**
 * Aborts the transactions that killed instances of this service have left open: MongoDB would keep their locks for up to a
 * minute. They are found by the client's `appName` and by their idle time. A live instance that is hit by mistake only
 * retries. Lists the sessions of this MongoDB user alone, which needs no privilege. A failure is logged, not thrown.
 */
export async function abortAbandonedTransactions(client: MongoClient, log: Logger): Promise<void> {
  const admin = client.db('admin', { readConcern: new ReadConcern('local') })
  const { appName } = client.options
  try {
    const abandoned = await admin
      .aggregate([
        { $currentOp: { allUsers: false, idleSessions: true } },
        {
          $match: {
            type: 'idleSession',
            appName,
            'transaction.timeInactiveMicros': { $gt: ABANDONED_AFTER_MICROS },
          },
        },
      ])
      .toArray()
    if (abandoned.length === 0) return
    await admin.command({ killSessions: abandoned.map(({ lsid }) => ({ id: (lsid as { id: unknown }).id })) })
    log.warn({ sessions: abandoned.length }, 'aborted transactions that another instance had left open')
  } catch (error) {
    log.warn({ err: error }, 'cannot look for abandoned transactions')
  }
}
