import { createHmac } from 'node:crypto'
import type { Client } from '@halles/service/client'
import { newId } from '@halles/service/ids'
import { pageOf } from '@halles/service/mongo'
import type { Page } from '@halles/service/page'
import { traceId } from '@halles/service/trace'
import type { Db } from 'mongodb'
import type { EventSearch, SecurityEvent } from './security-event.ts'

type Kept = Omit<SecurityEvent, 'id'> & { _id: string; expiresAt: Date }

const eventOf = ({ _id: id, ...event }: Kept): SecurityEvent => ({ id, ...event })

export type SecurityLog = Awaited<ReturnType<typeof securityLogIn>>

/**
 * The security log in its database, which forgets after `days`.
 *
 * @param secret what places are hidden under
 */
export async function securityLogIn(db: Db, { secret, days, now }: { secret: Buffer; days: number; now: () => Date }) {
  const events = db.collection<Kept>('securityLog')
  await events.createIndexes([{ key: { userId: 1, _id: -1 } }, { key: { expiresAt: 1 }, expireAfterSeconds: 0 }])
  const hidden = (place: string): string =>
    createHmac('sha256', secret).update(`place:${place}`).digest('base64url').slice(0, 16)

  return {
    /** Writes down what just happened, in the present trace. */
    async note(
      { place }: Client,
      what: SecurityEvent['what'],
      more: Partial<Pick<SecurityEvent, 'outcome' | 'userId' | 'byId' | 'sessionId'>>,
    ): Promise<void> {
      const at = now()
      await events.insertOne({
        _id: newId(),
        at,
        what,
        outcome: 'done',
        userId: null,
        byId: null,
        sessionId: null,
        ...more,
        place: hidden(place),
        traceId: traceId() ?? null,
        expiresAt: new Date(at.getTime() + days * 86_400_000),
      })
    },

    /** One page of the log, newest first. */
    async search({ userId, ...wish }: EventSearch): Promise<Page<SecurityEvent>> {
      const filter = userId === undefined ? {} : { userId }
      const page = await pageOf(
        events,
        { list: 'security-log', filter, sort: [['_id', -1]], omit: ['expiresAt'] },
        wish,
      )
      return { ...page, items: page.items.map(eventOf) }
    },

    /** All that is noted of a user, newest first. */
    allOf: async (userId: string): Promise<SecurityEvent[]> =>
      (await events.find({ userId }).sort({ _id: -1 }).project<Kept>({ expiresAt: 0 }).toArray()).map(eventOf),
  }
}
