import { createHmac } from 'node:crypto'
import type { Client } from '@halles/auth/client-address'
import { newId } from '@halles/mongo/ids'
import { findPage } from '@halles/mongo/mongo'
import type { Page } from '@halles/validation/page'
import { traceId } from '@halles/telemetry/trace'
import type { Db } from 'mongodb'
import { READ_BATCH } from '../sessions/sessions.ts'
import type { EventSearch, SecurityEvent } from './security-event.ts'

type SecurityEventDocument = Omit<SecurityEvent, 'id'> & { _id: string; expiresAt: Date }

const DAY = 86_400_000

export type SecurityLog = Awaited<ReturnType<typeof createSecurityLog>>

/**
 * Creates the security log. MongoDB removes events after `days` (TTL index).
 *
 * @param secret the key of the HMAC that hides client subnets
 */
export async function createSecurityLog(
  db: Db,
  { secret, days, now }: { secret: Buffer; days: number; now: () => Date },
) {
  const events = db.collection<SecurityEventDocument>('securityLog')
  await events.createIndexes([{ key: { userId: 1, _id: -1 } }, { key: { expiresAt: 1 }, expireAfterSeconds: 0 }])
  // `place:` separates the domains of the HMACs under this key. It must not change, or stored events would not match.
  const hashSubnet = (subnet: string): string =>
    createHmac('sha256', secret).update(`place:${subnet}`).digest('base64url').slice(0, 16)

  return {
    /** Records an event that has just happened, in the current trace. */
    async record(
      client: Client,
      what: SecurityEvent['what'],
      details: Partial<Pick<SecurityEvent, 'outcome' | 'userId' | 'byId' | 'sessionId'>>,
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
        ...details,
        place: hashSubnet(client.subnet),
        traceId: traceId() ?? null,
        expiresAt: new Date(at.getTime() + days * DAY),
      })
    },

    /** One page of the log, newest first. */
    async findPage({ userId, ...query }: EventSearch): Promise<Page<SecurityEvent>> {
      const filter = userId === undefined ? {} : { userId }
      const page = await findPage(
        events,
        { list: 'security-log', filter, sort: [['_id', -1]], omit: ['expiresAt'] },
        query,
      )
      return { ...page, items: page.items.map(toEvent) }
    },

    /** All events about a user, newest first. */
    async *readByUser(userId: string): AsyncGenerator<SecurityEvent, void, void> {
      const found = events.find({ userId }, { batchSize: READ_BATCH })
      for await (const event of found.sort({ _id: -1 }).project<SecurityEventDocument>({ expiresAt: 0 })) {
        yield toEvent(event)
      }
    },
  }
}

const toEvent = ({ _id: id, ...event }: SecurityEventDocument): SecurityEvent => ({ id, ...event })
