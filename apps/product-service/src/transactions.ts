import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '@halles/service/log'
import { Refusal, refusalOf } from '@halles/service/refusal'
import { MongoError, ReadConcern, type ClientSession, type MongoClient } from 'mongodb'

/** How long a transaction is tried, its wait for its turn included, in milliseconds. */
const PATIENCE = 8000
/** The longest pause before another try, in milliseconds; each takes a random part of it, so that rivals part. */
const PAUSE = 50
/** After so many conflicts in a row a dead peer may be in the way. */
const SUSPICIOUS = 3
/** A transaction of ours is never idle for so long, in microseconds, unless its process is gone or stuck. */
const IDLE = 150_000

/** What a transaction's work gives back to have it all undone. */
export const UNDO: unique symbol = Symbol('undo')

/**
 * Runs work in one transaction, one at a time in this process, and again when another process was in its way: what the
 * work does outside of its session must bear repeating.
 *
 * @throws Refusal `TIMEOUT` when others were in the way for 8 s; what the driver throws otherwise
 */
export type Transact = <T>(work: (session: ClientSession) => Promise<T>) => Promise<T>

/** Transactions on one database server, and the sweeping of those that a killed process has left open. */
export function transactionsOn(client: MongoClient, log: Logger, onRetry: () => void = () => {}) {
  const admin = client.db('admin', { readConcern: new ReadConcern('local') })
  const { appName } = client.options

  /**
   * Ends the transactions of dead peers: MongoDB would keep what they locked for up to a minute. They are known by our
   * own name and by being idle; a live peer that is hit by mistake only tries again. Asks for this user's sessions
   * alone, which needs no privilege.
   */
  const sweep = async (): Promise<void> => {
    try {
      const left = await admin
        .aggregate([
          { $currentOp: { allUsers: false, idleSessions: true } },
          { $match: { type: 'idleSession', appName, 'transaction.timeInactiveMicros': { $gt: IDLE } } },
        ])
        .toArray()
      if (left.length === 0) return
      await admin.command({ killSessions: left.map(({ lsid }) => ({ id: (lsid as { id: unknown }).id })) })
      log.warn({ sessions: left.length }, 'ended transactions that a peer had left open')
    } catch (error) {
      log.warn({ err: error }, 'cannot look for transactions that a peer has left open')
    }
  }

  const once = async <T>(work: (session: ClientSession) => Promise<T>, deadline: number): Promise<T> => {
    const session = client.startSession()
    try {
      session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } })
      const result = await work(session)
      if (result === UNDO) await session.abortTransaction()
      else await commit(session, deadline)
      return result
    } finally {
      await session.endSession() // aborts what is still open
    }
  }

  const untilDone = async <T>(work: (session: ClientSession) => Promise<T>, deadline: number): Promise<T> => {
    for (let tries = 1; ; tries++) {
      if (Date.now() > deadline) throw new Refusal('TIMEOUT', 'Too many changes are waiting: try again in a moment.')
      try {
        return await once(work, deadline)
      } catch (error) {
        if (!hasLabel(error, 'TransientTransactionError')) throw error
        if (Date.now() > deadline)
          throw refusalOf(error) ?? new Refusal('TIMEOUT', 'Others are changing the same thing.', { cause: error })
        onRetry()
        if (tries % SUSPICIOUS === 0) await sweep()
        await pause(Math.random() * PAUSE)
      }
    }
  }

  let last: Promise<unknown> = Promise.resolve()
  const transact: Transact = (work) => {
    const deadline = Date.now() + PATIENCE
    const mine = last.then(() => untilDone(work, deadline))
    last = mine.catch(() => {}) // told to its own caller; the next one goes ahead all the same
    return mine
  }

  return { transact, sweep }
}

/** Commits, again as long as the answer was lost: repeating a commit changes nothing. */
async function commit(session: ClientSession, deadline: number): Promise<void> {
  for (;;)
    try {
      return await session.commitTransaction()
    } catch (error) {
      if (!hasLabel(error, 'UnknownTransactionCommitResult') || Date.now() > deadline) throw error
      await pause(Math.random() * PAUSE)
    }
}

const hasLabel = (error: unknown, label: string): boolean => error instanceof MongoError && error.hasErrorLabel(label)
