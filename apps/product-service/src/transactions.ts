import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '@halles/telemetry/log'
import { AppError, toAppError } from '@halles/errors/app-error'
import { MongoError, type ClientSession, type MongoClient } from 'mongodb'
import { abortAbandonedTransactions } from './abandoned-transactions.ts'

/** How long a transaction is retried, its wait in the queue included, in milliseconds. */
const RETRY_WITHIN_MS = 8000
/** The longest pause before a retry, in milliseconds. Each takes a random part of it, so that rivals separate. */
const MAX_BACKOFF_MS = 50
/** After this many conflicts in a row an abandoned transaction may hold the locks. */
const CONFLICTS_BEFORE_CLEANUP = 3

/** What a transaction's work returns to have everything rolled back. */
export const ROLLBACK: unique symbol = Symbol('rollback')

/**
 * Runs `work` in a transaction and returns its result. Transactions of one process run one after another. A transient
 * conflict runs `work` again, so its effects outside of the session must be repeatable.
 *
 * @throws AppError `TIMEOUT` when conflicts lasted for 8 s; else what the driver throws
 */
export type Transact = <T>(work: (session: ClientSession) => Promise<T>) => Promise<T>

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
      if (Date.now() > deadline) throw new AppError('TIMEOUT', 'Too many changes are waiting: try again in a moment.')
      try {
        return await runOnce(work, deadline)
      } catch (error) {
        if (!hasLabel(error, 'TransientTransactionError')) throw error
        if (Date.now() > deadline)
          throw toAppError(error) ?? new AppError('TIMEOUT', 'Others are changing the same thing.', { cause: error })
        onRetry()
        if (attempt % CONFLICTS_BEFORE_CLEANUP === 0) await abortAbandonedTransactions(client, log)
        await pause(Math.random() * MAX_BACKOFF_MS)
      }
    }
  }

  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const deadline = Date.now() + RETRY_WITHIN_MS
    const result = last.then(() => runWithRetries(work, deadline))
    last = result.catch(() => {}) // its own caller gets the error; the next transaction runs all the same
    return result
  }
}

/** Commits, and repeats the commit while its answer is lost: a repeated commit changes nothing. */
async function commit(session: ClientSession, deadline: number): Promise<void> {
  for (;;)
    try {
      return await session.commitTransaction()
    } catch (error) {
      if (!hasLabel(error, 'UnknownTransactionCommitResult') || Date.now() > deadline) throw error
      await pause(Math.random() * MAX_BACKOFF_MS)
    }
}

const hasLabel = (error: unknown, label: string): boolean => error instanceof MongoError && error.hasErrorLabel(label)
