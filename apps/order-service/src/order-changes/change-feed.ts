import { backoff } from '@halles/concurrency/backoff'
import type { Logger } from '@halles/telemetry/log'
import type { ChangeStream, ChangeStreamUpdateDocument, ClientSession, Collection } from 'mongodb'
import { placedFilter, type Order, type StoredOrder } from '../order.ts'

/** The pauses before a failed change stream is opened again, in milliseconds. */
const BACKOFF = { base: 100, cap: 2000 }

/** The most orders that one query reads. */
const READ_SIZE = 500

/** The changes of a status: the other writes to an order change nothing that a subscriber sees. */
const statusChanges = [
  { $match: { operationType: 'update', 'updateDescription.updatedFields.status': { $exists: true } } },
  { $project: { operationType: 1, documentKey: 1 } },
]

/** A change stream, and the session whose `operationTime` is what the stream has told of. */
type OpenStream = {
  changes: ChangeStream<StoredOrder, ChangeStreamUpdateDocument<StoredOrder>>
  session: ClientSession
  isReady: boolean
  /** Whether it was closed because nobody was subscribed. */
  isUnused: boolean
}

/** Called with a subscribed order as it is stored: once after the subscription began, and after each change. */
type Listener = (order: Order) => void

export type ChangeFeed = ReturnType<typeof createChangeFeed>

/**
 * Creates the feed of changed orders: one MongoDB change stream for this process, which is open while somebody is subscribed. A
 * change is only the reason to read an order, so nothing depends on how often the stream tells of it: after an error of the
 * stream, such as an election or an oplog that does not reach back far enough, all subscribed orders are read again.
 *
 * Reads are causally consistent with the stream (MongoDB manual, "Causal Consistency"): an order is read as it was at a time that
 * the stream has told of, or later. So a change is either in the first read of a subscriber, or told after it.
 */
export function createChangeFeed(orders: Collection<StoredOrder>, log: Logger) {
  const listeners = new Map<string, Set<Listener>>()
  const stale = new Set<string>()
  let open: OpenStream | undefined
  let running: Promise<void> | undefined
  let reading: Promise<void> | undefined
  let isClosed = false

  /** Reads all stale orders. When that fails, the present stream is closed and opened again, which makes all orders stale. */
  const readStale = async (stream: OpenStream): Promise<void> => {
    const session = orders.db.client.startSession({ causalConsistency: true })
    try {
      while (stale.size > 0) {
        const ids = [...stale].slice(0, READ_SIZE)
        for (const id of ids) stale.delete(id)
        if (stream.session.operationTime) session.advanceOperationTime(stream.session.operationTime)
        const found = await orders.find({ _id: { $in: ids }, ...placedFilter }, { session }).toArray()
        for (const order of found as Order[]) for (const listener of listeners.get(order._id) ?? []) listener(order)
      }
    } catch (error) {
      if (!isClosed) log.warn({ err: error }, 'changed orders cannot be read: trying again')
      await open?.changes.close()
    } finally {
      await session.endSession()
    }
  }
  const read = (): void => {
    if (reading || !open?.isReady) return
    reading = readStale(open).finally(() => {
      reading = undefined
      if (stale.size > 0) read()
    })
  }

  /** Reads the stream until it fails or is closed. */
  const follow = async (stream: OpenStream): Promise<void> => {
    const { changes } = stream
    // The server has opened the stream: from now on it tells of every change.
    const setReady = (): void => {
      if (stream.isReady) return
      stream.isReady = true
      for (const id of listeners.keys()) stale.add(id)
      read()
    }
    changes.once('resumeTokenChanged', setReady)
    for (;;) {
      const { documentKey } = await changes.next()
      setReady()
      if (!listeners.has(documentKey._id)) continue
      stale.add(documentKey._id)
      read()
    }
  }

  const run = async (): Promise<void> => {
    let failures = 0
    while (listeners.size > 0 && !isClosed) {
      const session = orders.db.client.startSession({ causalConsistency: true })
      const changes: OpenStream['changes'] = orders.watch(statusChanges, { session })
      const stream: OpenStream = { changes, session, isReady: false, isUnused: false }
      open = stream
      try {
        await follow(stream)
      } catch (error) {
        if (stream.isUnused || isClosed) continue
        failures = stream.isReady ? 1 : failures + 1
        log.warn({ err: error }, 'the change stream of orders failed: opening it again')
        await backoff(failures, BACKOFF)
      } finally {
        open = undefined
        await changes.close()
        await session.endSession()
      }
    }
    running = undefined
  }

  return {
    /**
     * Calls a listener with the present state of an order, and after each change of its status, until the function that is returned
     * is called. Several changes may be told together. The order must exist.
     */
    subscribe: (id: string, listener: Listener): (() => void) => {
      const ofOrder = listeners.get(id) ?? new Set()
      listeners.set(id, ofOrder.add(listener))
      stale.add(id)
      running ??= run()
      read()
      return () => {
        ofOrder.delete(listener)
        if (ofOrder.size === 0 && listeners.get(id) === ofOrder) listeners.delete(id)
        if (listeners.size > 0 || !open) return
        open.isUnused = true
        void open.changes.close()
      }
    },

    /** Closes the change stream. */
    close: async (): Promise<void> => {
      isClosed = true
      await open?.changes.close()
      await running
      await reading
    },
  }
}
