import { newId } from '@halles/service/ids'
import type { Collection } from 'mongodb'
import type { Order } from './order.ts'
import { visible, type Stored } from './orders.ts'

/** How long whoever took care of something has it for themselves, in milliseconds. */
const LEASE = 15_000

/** For what may be done again without harm: a clearing that is lost is told, or asked, once more. */
const repeatable = { writeConcern: { w: 1 } }

/** How far the gauges count. */
const COUNTED = 10_000

export type Debts = ReturnType<typeof debtsIn>

/** What is owed in time: events that orders have not told, stock that they hold and should not. */
export function debtsIn(orders: Collection<Stored>, now: () => Date) {
  return {
    /** Those of these orders that have something to tell, as they are now. */
    untold: async (ids: string[]): Promise<Order[]> =>
      (await orders.find({ _id: { $in: ids }, ...visible, unsent: { $exists: true } }).toArray()) as Order[],

    /**
     * Takes up to `limit` orders that should have told their events by now, for as long as a lease lasts: another
     * instance gets others. Holding a lease is politeness; `told` is right without it.
     */
    takeUntold: async (limit: number): Promise<Order[]> => {
      const overdue = { sweepAt: { $lte: now() }, ...visible }
      const due = await orders
        .find(overdue)
        .sort({ sweepAt: 1 })
        .limit(limit)
        .project<{ _id: string }>({ _id: 1 })
        .toArray()
      if (due.length === 0) return []
      const these = { _id: { $in: due.map(({ _id }) => _id) } }
      const sweptBy = newId()
      await orders.updateMany(
        { ...these, ...overdue },
        { $set: { sweepAt: new Date(now().getTime() + LEASE), sweptBy } },
      )
      return (await orders.find({ ...these, ...visible, sweptBy }).toArray()) as Order[]
    },

    /**
     * Clears what Kafka acknowledged: the events of these orders as they were read, and no later one. So the first
     * telling of every event comes after that of the one before it, whoever tells, and however late they wake.
     */
    told: async (tellers: Order[]): Promise<void> => {
      for (const [key, group] of Object.entries(Object.groupBy(tellers, ({ seq }) => seq))) {
        const seq = Number(key)
        const these = { _id: { $in: group!.map(({ _id }) => _id) } }
        const { matchedCount } = await orders.updateMany(
          { ...these, seq },
          { $unset: { unsent: '', sweepAt: '', sweptBy: '' } },
          repeatable,
        )
        // Majority here: whoever tells the later event reads by majority, and would tell these once more.
        if (matchedCount < group!.length)
          await orders.updateMany({ ...these, seq: { $gt: seq } }, { $pull: { unsent: { seq: { $lte: seq } } } })
      }
    },

    /** Takes up to `limit` orders, or intents being undone, whose stock is owed back, for as long as a lease lasts; their ids. */
    takeOwed: async (limit: number): Promise<string[]> => {
      const overdue = { releaseAt: { $lte: now() } }
      const due = await orders
        .find(overdue)
        .sort({ releaseAt: 1 })
        .limit(limit)
        .project<{ _id: string }>({ _id: 1 })
        .toArray()
      if (due.length === 0) return []
      const these = { _id: { $in: due.map(({ _id }) => _id) } }
      const releasedBy = newId()
      await orders.updateMany(
        { ...these, ...overdue },
        { $set: { releaseAt: new Date(now().getTime() + LEASE), releasedBy } },
      )
      const mine = await orders
        .find({ ...these, releasedBy })
        .project<{ _id: string }>({ _id: 1 })
        .toArray()
      return mine.map(({ _id }) => _id)
    },

    /** Notes that the stock of these was given back; an intent is then nothing any more. */
    givenBack: async (ids: string[]): Promise<void> => {
      const these = { _id: { $in: ids } }
      const { deletedCount } = await orders.deleteMany({ ...these, status: 'Undoing' })
      if (deletedCount < ids.length) await orders.updateMany(these, { $unset: { releaseAt: '', releasedBy: '' } })
    },

    /** How much is owed, each up to 10,000; `oldest` is when the oldest event happened. For the gauges. */
    counts: async (): Promise<{ intents: number; owed: number; unsent: number; oldest: Date | null }> => {
      const [intents, owed, [events]] = await Promise.all([
        orders.countDocuments({ status: { $in: ['Intent', 'Undoing'] } }, { limit: COUNTED }),
        orders.countDocuments({ releaseAt: { $exists: true } }, { limit: COUNTED }),
        orders
          .aggregate<{ unsent: number; oldest: Date }>([
            { $match: { sweepAt: { $exists: true }, ...visible } },
            { $limit: COUNTED },
            { $unwind: '$unsent' },
            { $group: { _id: null, unsent: { $sum: 1 }, oldest: { $min: '$unsent.at' } } },
          ])
          .toArray(),
      ])
      return { intents, owed, unsent: events?.unsent ?? 0, oldest: events?.oldest ?? null }
    },
  }
}
