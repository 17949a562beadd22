import type { Logger } from '@halles/telemetry/log'
import { backoff } from '@halles/concurrency/backoff'
import { AppError } from '@halles/errors/app-error'
import { MongoError, type ClientSession, type MongoClient } from 'mongodb'
import { abortAbandonedTransactions } from './abandoned-transactions.ts'

/** How long a transaction is retried, its wait in the queue included, in milliseconds. */
export const RETRY_WITHIN_MS = 8000
/** The pauses before a retry, in milliseconds: short after a conflict, longer while a primary is elected. */
const BACKOFF = { base: 25, cap: 250 }
/** After this many conflicts in a row an abandoned transaction may hold the locks. */
const CONFLICTS_BEFORE_CLEANUP = 3

/** What a transaction's work returns to have everything rolled back. */
export const ROLLBACK: unique symbol = Symbol('rollback')

/**
 * Runs `work` in a transaction and returns its result. Transactions of one process run one after another. A transient
 * conflict runs `work` again, so its effects outside of the session must be repeatable. `deadline` is when the caller stops
 * waiting, in milliseconds since 1970, and at most 8 s from now.
 *
 * @throws AppError `TIMEOUT` when the deadline passed before a transaction began; else what the driver throws
 */
export type Transact = <T>(work: (session: ClientSession) => Promise<T>, deadline?: number) => Promise<T>

/** Creates the transaction runner of one database server. `onRetry` is called before each retry. */
export function createTransactionRunner(client: MongoClient, log: Logger, onRetry: () => void = () => {}): Transact {
  const runOnce = async <T>(work: (session: ClientSession) => Promise<T>, deadline: number): Promise<T> => {
    const session = client.startSession()
    try {
      session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } })
      const result = await work(session)
      if (result === ROLLBACK) await session.abortTransaction()
      else await commit(session, deadline)
      return result
    } finally {
      await session.endSession() // aborts a transaction that is still open
    }
  }

  const runWithRetries = async <T>(work: (session: ClientSession) => Promise<T>, deadline: number): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      if (Date.now() >= deadline) throw new AppError('TIMEOUT', 'Too many changes are waiting: try again in a moment.')
      try {
        return await runOnce(work, deadline)
      } catch (error) {
        if (!hasLabel(error, 'TransientTransactionError')) throw error
        if (Date.now() >= deadline) throw error
        onRetry()
        if (attempt % CONFLICTS_BEFORE_CLEANUP === 0) await abortAbandonedTransactions(client, log)
        await backoff(attempt, BACKOFF)
      }
    }
  }

  let last: Promise<unknown> = Promise.resolve()
  return (work, callDeadline = Infinity) => {
    const deadline = Math.min(Date.now() + RETRY_WITHIN_MS, callDeadline)
    const result = last.then(() => runWithRetries(work, deadline))
    last = result.catch(() => {}) // its own caller gets the error; the next transaction runs all the same
    return result
  }
}

/** Commits, and repeats the commit while its answer is lost: a repeated commit changes nothing. */
async function commit(session: ClientSession, deadline: number): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      return await session.commitTransaction()
    } catch (error) {
      if (!hasLabel(error, 'UnknownTransactionCommitResult') || Date.now() >= deadline) throw error
      await backoff(attempt, BACKOFF)
    }
}

const hasLabel = (error: unknown, label: string): boolean => error instanceof MongoError && error.hasErrorLabel(label)
