import { takeLease } from '@halles/mongo/lease'
import { migrate, type Migration } from '@halles/mongo/migrations'
import { findPage } from '@halles/mongo/mongo'
import { retryWrite } from '@halles/mongo/retry-write'
import type { Page, PageArgs } from '@halles/validation/page'
import type { Db, Filter } from 'mongodb'
import { insertNew, type InsertOutcome } from '../insert-new.ts'
import type { AccountEmail, Email, EmailStatus, OrderEmail, RetryState } from './email.ts'

export type EmailStore = Awaited<ReturnType<typeof createEmailStore>>

/** An e-mail under the lease of one worker: no other worker attempts it until the lease ends. */
export type LeasedEmail = Email & { leasedBy: string }

/** The result of one delivery attempt: accepted by the mail server at a time, or failed. */
export type Attempt = { email: LeasedEmail; sentAt: Date } | { email: LeasedEmail; retry: RetryState }

type Stored<T extends Email> = Omit<T, 'id'> & { _id: string; leasedBy?: string; leaseUntil?: Date }
type EmailDocument = Stored<OrderEmail> | Stored<AccountEmail>

/** How long MongoDB works on a list at most, in milliseconds. */
const READ_TIMEOUT = 3000

/** The names that earlier versions stored. */
const migrations: Migration[] = [
  { renameCollection: 'letters', to: 'emails' },
  {
    collection: 'emails',
    renameFields: {
      claim: 'leasedBy',
      leasedUntil: 'leaseUntil',
      copy: 'resend',
      failures: 'failedAttempts',
      since: 'firstAttemptAt',
    },
    dropIndexes: ['orderId_1_sequence_1', 'place'],
  },
]

/**
 * Creates the store of e-mails: migrates data of earlier versions and creates the indexes. Where a method takes an
 * `owner`, it limits the result to that user's e-mails; undefined means no limit.
 */
export async function createEmailStore(db: Db) {
  await migrate(db, migrations)
  const emails = db.collection<EmailDocument>('emails')
  await emails.createIndexes([
    { key: { eventId: 1 }, unique: true },
    {
      key: { orderId: 1, sequence: 1 },
      name: 'order_sequence',
      unique: true,
      // E-mails about accounts have no order.
      partialFilterExpression: { orderId: { $exists: true } },
    },
    { key: { userId: 1, _id: -1 } },
    { key: { status: 1, _id: -1 } },
    { key: { nextAttemptAt: 1 }, partialFilterExpression: { status: 'PENDING' } },
  ])

  return {
    /**
     * Inserts new e-mails, in order, and returns an outcome for each: `duplicate` when one is stored for the same event,
     * or for the same sequence number of the same order.
     */
    insert: (newEmails: Email[]): Promise<InsertOutcome[]> => insertNew(emails, newEmails.map(toDocument)),

    /**
     * Leases at most `limit` due e-mails until `leaseUntil`, and returns them, the longest due first. `leasedBy` is unique
     * to this call. An e-mail whose lease has ended, because its worker died, is due again.
     */
    lease: async (limit: number, leasedBy: string, now: Date, leaseUntil: Date): Promise<LeasedEmail[]> => {
      const leased = await takeLease(emails, {
        due: dueFilter(now),
        order: { nextAttemptAt: 1 },
        limit,
        hold: { $set: { leasedBy, leaseUntil } },
        held: { leasedBy },
      })
      return leased
        .toSorted((a, b) => a.nextAttemptAt.getTime() - b.nextAttemptAt.getTime())
        .map((document) => ({ ...toEmail(document), leasedBy }))
    },

    /** Ends the leases of e-mails that were not attempted, so that another worker can lease them at once. */
    release: async (leased: LeasedEmail[]): Promise<void> => {
      if (leased.length === 0) return
      await retryWrite(() => emails.updateMany(leaseFilter(leased), { $unset: { leasedBy: 1, leaseUntil: 1 } }))
    },

    /** Records delivery attempts and ends their leases. An e-mail that another worker has leased since stays unchanged. */
    recordAttempts: async (attempts: Attempt[]): Promise<void> => {
      const sent = attempts.filter((attempt) => 'sentAt' in attempt)
      const failed = attempts.filter((attempt) => 'retry' in attempt)
      const endLease = { $inc: { attempts: 1 }, $unset: { leasedBy: 1, leaseUntil: 1 } } as const
      await Promise.all([
        sent.length > 0 &&
          // A repeated write finds no lease of the ones that the first one has changed.
          retryWrite(() =>
            emails.updateMany(
              leaseFilter(sent.map(({ email }) => email)),
              { $set: { status: 'SENT', sentAt: sent[0]!.sentAt, lastError: null }, ...endLease },
              // If this write is lost, the e-mail is sent again under the same Message-ID.
              { writeConcern: { w: 1 } },
            ),
          ),
        failed.length > 0 &&
          emails.bulkWrite(
            failed.map(({ email, retry }) => ({
              updateOne: { filter: { _id: email.id, leasedBy: email.leasedBy }, update: { $set: retry, ...endLease } },
            })),
            { ordered: false },
          ),
      ])
    },

    /** When the next e-mail without a lease is due; undefined when none is pending. */
    nextDueAt: async (now: Date): Promise<Date | undefined> =>
      (
        await emails
          .find({ status: 'PENDING', leaseUntil: { $not: { $gt: now } } })
          .sort({ nextAttemptAt: 1 })
          .limit(1)
          .project<{ nextAttemptAt: Date }>({ nextAttemptAt: 1 })
          .next()
      )?.nextAttemptAt,

    /**
     * Makes an e-mail due now: as a resend when it was sent or given up, or just earlier when it is pending. Returns it as
     * it is afterwards; undefined when there is none.
     */
    resend: async (id: string, now: Date): Promise<Email | undefined> => {
      const isPending = { $eq: ['$status', 'PENDING'] }
      const document = await emails.findOneAndUpdate(
        { _id: id },
        [
          {
            $set: {
              status: 'PENDING',
              resend: { $cond: [isPending, '$resend', { $add: ['$resend', 1] }] },
              failedAttempts: { $cond: [isPending, '$failedAttempts', 0] },
              lastError: { $cond: [isPending, '$lastError', null] },
              firstAttemptAt: { $cond: [isPending, '$firstAttemptAt', now] },
              nextAttemptAt: { $min: ['$nextAttemptAt', now] },
            },
          },
        ],
        { returnDocument: 'after' },
      )
      return document ? toEmail(document) : undefined
    },

    /**
     * Erases the address, the name and the link from all e-mails of these users (GDPR, article 17). Pending ones become
     * due, so that they are given up.
     */
    anonymize: async (userIds: string[], now: Date): Promise<void> => {
      const identified = { userId: { $in: userIds }, recipient: { $ne: '' } }
      const erasure = { $set: { recipient: '', name: '' }, $unset: { 'account.link': 1 } } as const
      const makeDue = { $min: { nextAttemptAt: now } }
      await retryWrite(() => emails.updateMany({ ...identified, status: 'PENDING' }, makeDue))
      await retryWrite(() => emails.updateMany(identified, erasure))
    },

    /** One page, newest first. */
    findPage: async (
      {
        owner,
        orderId,
        status,
        userIds,
      }: { owner: string | undefined; orderId?: string; status?: EmailStatus; userIds?: string[] },
      pageArgs: PageArgs,
    ): Promise<Page<Email>> => {
      const filter: Filter<EmailDocument> = {
        ...ownerFilter(owner),
        ...(orderId && { orderId }),
        ...(status && { status }),
        ...(userIds && { $and: [{ userId: { $in: userIds } }] }), // beside the owner, who is a condition too
      }
      const page = await findPage(
        emails,
        { list: 'emails', filter, sort: [['_id', -1]], maxTimeMS: READ_TIMEOUT },
        pageArgs,
      )
      return { ...page, items: page.items.map(toEmail) }
    },

    /** The e-mails with these ids, in no order. Unknown ids are left out. */
    findByIds: async (ids: string[], owner: string | undefined): Promise<Email[]> =>
      (await emails.find({ _id: { $in: ids }, ...ownerFilter(owner) }).toArray()).map(toEmail),

    /** The e-mails about these orders, oldest first within an order. */
    findByOrders: async (orderIds: string[], owner: string | undefined): Promise<Email[]> =>
      (
        await emails
          .find({ orderId: { $in: orderIds }, ...ownerFilter(owner) })
          .sort({ orderId: 1, sequence: 1 })
          .toArray()
      ).map(toEmail),

    /** The number of pending e-mails, and the earliest `firstAttemptAt` among them. */
    countPending: async (): Promise<{ count: number; oldest: Date | undefined }> => {
      const [row] = await emails
        .aggregate<{ count: number; oldest: Date }>([
          { $match: { status: 'PENDING' } },
          { $group: { _id: null, count: { $sum: 1 }, oldest: { $min: '$firstAttemptAt' } } },
        ])
        .toArray()
      return { count: row?.count ?? 0, oldest: row?.oldest }
    },

    /** The number of e-mails that were given up. */
    countFailed: (): Promise<number> => emails.countDocuments({ status: 'FAILED' }),
  }
}

const dueFilter = (now: Date): Filter<EmailDocument> => ({
  status: 'PENDING',
  nextAttemptAt: { $lte: now },
  leaseUntil: { $not: { $gt: now } },
})

/** E-mails that are still under the leases that these were read with. */
const leaseFilter = (leased: LeasedEmail[]): Filter<EmailDocument> => ({
  _id: { $in: leased.map(({ id }) => id) },
  leasedBy: { $in: [...new Set(leased.map(({ leasedBy }) => leasedBy))] },
})

const ownerFilter = (owner: string | undefined): Filter<EmailDocument> => (owner === undefined ? {} : { userId: owner })

const toDocument = ({ id, ...email }: Email): EmailDocument => ({ _id: id, ...email })

function toEmail({ _id, leasedBy: _leasedBy, leaseUntil: _leaseUntil, ...email }: EmailDocument): Email {
  return { id: _id, ...email }
}
