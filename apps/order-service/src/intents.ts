import { coalesce } from '@halles/service/coalesce'
import { refusalOf } from '@halles/service/refusal'
import { MongoBulkWriteError, type Collection } from 'mongodb'
import type { Order } from './order.ts'
import { SWEEP_AFTER, visible, type Mark, type Stored } from './orders.ts'

export type Intents = ReturnType<typeof intentsIn>

/** MongoDB's code for a key that is there already. */
const DUPLICATE = 11_000

/** One batch under way: with two of them batches are smaller, and an order costs more than it gains. */
const together = { lanes: 1, max: 128 }

/**
 * Orders on their way: whole, but seen by no one. What waits is written together. Every change asks for an intent that
 * is still one, so of a confirming and an undoing only one happens.
 */
export function intentsIn(orders: Collection<Stored>, now: () => Date) {
  const insert = coalesce(async (intents: Stored[]): Promise<(boolean | Error)[]> => {
    try {
      await orders.insertMany(intents, { ordered: false })
      return intents.map(() => true)
    } catch (error) {
      const failures = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : []
      if (failures.length === 0) throw error
      const failed = new Map(failures.map((failure) => [failure.index, failure]))
      return intents.map((_, i) => {
        const failure = failed.get(i)
        if (!failure) return true
        return failure.code === DUPLICATE ? false : new Error(`not stored: ${failure.errmsg}`, { cause: error })
      })
    }
  }, together)

  /** Lets a key go that has had its time; false when there was none such. */
  const freeKey = async (userId: string, key: string): Promise<boolean> => {
    const { modifiedCount } = await orders.updateOne(
      { userId, 'idem.key': key, 'idem.until': { $lte: now() }, ...visible },
      { $unset: { idem: '' } },
    )
    return modifiedCount === 1
  }

  /** One write for all: an intent holds everything already, and becomes an order by its status alone. */
  const confirm = (ids: string[]) =>
    orders.updateMany({ _id: { $in: ids }, status: 'Intent' }, { $set: { status: 'Reçue' } })

  const undo = () =>
    ({ $set: { status: 'Undoing', releaseAt: now() }, $unset: { idem: '', sweepAt: '', unsent: '' } }) as const

  return {
    /** Stores an order as an intent; false when its customer's key is taken. */
    add: async (order: Order, mark: Mark | undefined): Promise<boolean> => {
      const sweepAt = new Date(now().getTime() + SWEEP_AFTER)
      const intent: Stored = { ...order, status: 'Intent', sweepAt, ...(mark && { idem: mark }) }
      if (await insert(intent)) return true
      return mark !== undefined && (await freeKey(order.userId, mark.key)) && insert(intent)
    },

    /** Makes an intent an order; false when it is not an intent any more: it was undone. */
    confirm: coalesce(async (ids: string[]): Promise<boolean[]> => {
      try {
        const { modifiedCount } = await confirm(ids)
        if (modifiedCount === ids.length) return ids.map(() => true)
      } catch (error) {
        if (!refusalOf(error)) throw error
        await confirm(ids) // the connection broke: done or not, once more does no harm
      }
      const orderIds = await orders.distinct('_id', { _id: { $in: ids }, ...visible })
      return ids.map((id) => orderIds.includes(id))
    }, together),

    /** Removes an intent that holds no stock. */
    drop: coalesce(async (ids: string[]): Promise<undefined[]> => {
      await orders.deleteMany({ _id: { $in: ids }, status: 'Intent' })
      return ids.map(() => undefined)
    }, together),

    /** Makes an intent never an order: its key is free at once, its stock owed back. */
    abandon: coalesce(async (ids: string[]): Promise<undefined[]> => {
      await orders.updateMany({ _id: { $in: ids }, status: 'Intent' }, undo())
      return ids.map(() => undefined)
    }, together),

    /** Abandons what was left behind, by a crash say; gives back how many. */
    abandonOld: async (): Promise<number> => {
      // Named, because an index on sweepAt would go through all that waits for Kafka.
      const hint = { status: 1, _id: -1 }
      const { modifiedCount } = await orders.updateMany({ status: 'Intent', sweepAt: { $lte: now() } }, undo(), {
        hint,
      })
      return modifiedCount
    },

    /** What a customer's key stands for: an order, or nothing yet (an intent); null when it is free. */
    underKey: async (userId: string, key: string): Promise<{ basket: string; order: Order | undefined } | null> => {
      const found = await orders.findOne({ userId, 'idem.key': key, 'idem.until': { $gt: now() } })
      if (!found?.idem) return null
      return { basket: found.idem.basket, order: found.status === 'Intent' ? undefined : (found as Order) }
    },
  }
}
