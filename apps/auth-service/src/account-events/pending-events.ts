import type { Collection } from 'mongodb'
import { toUser, type AccountDocument } from '../accounts/account-document.ts'
import type { User } from '../accounts/user.ts'
import type { PendingEvent } from './account-event.ts'

export type PendingEventStore = ReturnType<typeof createPendingEventStore>

/** Creates the store of the events that accounts have not published yet (transactional outbox). */
export const createPendingEventStore = (accounts: Collection<AccountDocument>) => ({
  /** Finds up to `limit` accounts with events that are due at `at`, each with those events in order. */
  async findDue(limit: number, at: Date): Promise<{ user: User; events: PendingEvent[] }[]> {
    const found = await accounts
      .find({ 'unpublished.id': { $exists: true }, unpublished: { $elemMatch: { from: { $not: { $gt: at } } } } })
      .limit(limit)
      .toArray()
    return found.map((account) => ({
      user: toUser(account),
      events: (account.unpublished ?? []).filter(({ from = at }) => from <= at),
    }))
  },

  /** Removes events that Kafka has acknowledged. */
  markPublished: async (userId: string, eventIds: readonly string[]): Promise<void> =>
    void (await accounts.updateOne({ _id: userId }, { $pull: { unpublished: { id: { $in: [...eventIds] } } } })),
})
