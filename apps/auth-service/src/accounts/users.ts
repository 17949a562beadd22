import { isDuplicateKeyError, findPage } from '@halles/mongo/mongo'
import type { Page } from '@halles/validation/page'
import type { Collection, Db } from 'mongodb'
import { createEventAppender, createPendingEvent } from '../account-events/account-event.ts'
import { linksEndedByPassword, type IssuedLink } from '../account-links/account-link.ts'
import { toAccountWords, toUser, type AccountDocument, type SessionEnding } from './account-document.ts'
import { toEmailKey, toSearchWords, type Profile, type Role, type User, type UserSearch } from './user.ts'

export type UserStore = ReturnType<typeof createUserStore>

/** How long a change by an admin may wait for concurrent transactions, in milliseconds. */
const TRANSACTION_TIMEOUT = 8000

/**
 * Creates the store of users. E-mail addresses are unique by `toEmailKey`, enforced by an index.
 *
 * @param publishesEvents whether changes are published as events, which the account keeps until then
 */
export function createUserStore(db: Db, accounts: Collection<AccountDocument>, publishesEvents: boolean) {
  const withEvent = createEventAppender(publishesEvents)

  return {
    /**
     * Inserts a user with a password hash and, in the same write, the link that verifies their address and the event that gets
     * it e-mailed. False when the address already has an account.
     */
    async insert(
      { id, active: _active, version: _version, emailVerified: _verified, ...user }: User,
      passwordHash: string,
      verification?: IssuedLink,
    ): Promise<boolean> {
      const words = toAccountWords(user.name, user.email)
      try {
        await accounts.insertOne({
          _id: id,
          ...user,
          emailKey: toEmailKey(user.email),
          password: passwordHash,
          words,
          ...(verification && {
            links: { 'email-verification': verification.stored },
            unpublished: [
              {
                ...createPendingEvent('account.email-verification-requested', user.createdAt),
                link: verification.link,
              },
            ],
          }),
        })
        return true
      } catch (error) {
        // No other index is unique.
        if (isDuplicateKeyError(error)) return false
        throw error
      }
    },

    /** Whether an address has an account. */
    hasEmail: async (email: string): Promise<boolean> =>
      (await accounts.findOne({ emailKey: toEmailKey(email) }, { projection: { _id: 1 } })) !== null,

    hasAdmin: async (): Promise<boolean> =>
      (await accounts.findOne({ role: 'admin', active: { $ne: false } }, { projection: { _id: 1 } })) !== null,

    /** The account of an address, active or not, with its password hash. */
    async findByEmail(email: string): Promise<{ user: User; passwordHash: string } | undefined> {
      const account = await accounts.findOne({ emailKey: toEmailKey(email) })
      return account ? { user: toUser(account), passwordHash: account.password } : undefined
    },

    /** The active account of an id, with its password hash. */
    async findActiveById(id: string): Promise<{ user: User; passwordHash: string } | undefined> {
      const account = await accounts.findOne({ _id: id, active: { $ne: false } })
      return account ? { user: toUser(account), passwordHash: account.password } : undefined
    },

    /** The users with these ids, by id. Unknown ids are absent. */
    async findByIds(ids: readonly string[]): Promise<Map<string, User>> {
      const found = await accounts.find({ _id: { $in: [...new Set(ids)] } }).toArray()
      return new Map(found.map((account) => [account._id, toUser(account)]))
    },

    /** One page of the users, newest first. An empty search finds all users; a search without any word finds none. */
    async findPage({ search = '', ...page }: UserSearch): Promise<Page<User>> {
      const words = toSearchWords(search)
      if (words.length === 0 && search.trim() !== '')
        return { items: [], cursors: [], hasNextPage: false, totalCount: 0, totalCountIsExact: true }
      // Words contain only letters and digits, so nothing in them needs escaping in a pattern.
      const prefixes = words.map((word) => ({ words: { $regex: `^${word}` } }))
      const filter = prefixes.length === 0 ? {} : { $and: prefixes }
      const found = await findPage(accounts, { list: 'users', filter, sort: [['_id', -1]] }, page)
      return { ...found, items: found.items.map(toUser) }
    },

    /** Whether an account is active and its password hash is this one, as the primary knows it now. */
    canSignIn: async (id: string, passwordHash: string): Promise<boolean> =>
      (await accounts.findOne(
        { _id: id, password: passwordHash, active: { $ne: false } },
        { projection: { _id: 1 }, readConcern: { level: 'local' } },
      )) !== null,

    /** Replaces the hash `from` by another hash of the same password. False when the password was changed meanwhile. */
    replacePasswordHash: async (id: string, from: string, to: string): Promise<boolean> =>
      (await accounts.updateOne({ _id: id, password: from }, { $set: { password: to } })).modifiedCount === 1,

    /**
     * Replaces the hash `from` by that of a new password, and ends the links that the old password gave access to. The sessions
     * but `except` are still to be ended. False when the password was changed meanwhile.
     */
    changePassword: async (id: string, from: string, to: string, at: Date, except: string): Promise<boolean> =>
      (
        await accounts.updateOne(
          { _id: id, password: from },
          {
            $set: { password: to, endingSessions: { at, except } },
            $unset: linksEndedByPassword,
            ...withEvent('account.password-changed', at),
          },
        )
      ).modifiedCount === 1,

    /**
     * Changes the name and the language of an active account, which revokes its access tokens: they contain both. A profile that
     * the account has already changes nothing. Undefined when there is no such account.
     */
    updateProfile: async (
      id: string,
      { name, locale }: Profile,
      changedAt: Date,
    ): Promise<{ user: User; changed: boolean } | undefined> => {
      for (;;) {
        const account = await accounts.findOne({ _id: id, active: { $ne: false } })
        if (!account) return undefined
        if (account.name === name && account.locale === locale) return { user: toUser(account), changed: false }
        const { email } = account
        const updated = await accounts.findOneAndUpdate(
          // The search words come from the address too: when it has changed meanwhile, read again.
          { _id: id, email, active: { $ne: false } },
          { $set: { name, locale, words: toAccountWords(name, email), changedAt }, $inc: { version: 1 } },
          { returnDocument: 'after' },
        )
        if (updated) return { user: toUser(updated), changed: true }
      }
    },

    /**
     * Erases the personal data of an account, its unpublished events included, and stores the events about its deletion:
     * one to be published now and one `again` later. False when the password was changed meanwhile, or the user is an
     * admin.
     */
    erase: async (id: string, passwordHash: string, at: Date, again: Date): Promise<boolean> => {
      const { modifiedCount } = await accounts.updateOne(
        { _id: id, password: passwordHash, role: 'user', active: { $ne: false } },
        {
          $set: {
            name: '',
            email: '',
            emailKey: `DELETED ${id}`, // cannot be an address: keys of addresses have no capitals
            password: '',
            words: [],
            active: false,
            emailVerified: false,
            deletedAt: at,
            changedAt: at,
            endingSessions: { at },
            unpublished: [
              createPendingEvent('account.deleted', at),
              { ...createPendingEvent('account.deleted', at), from: again },
            ],
          },
          $unset: { links: 1, changesMade: 1 },
          $inc: { version: 1 },
        },
      )
      return modifiedCount === 1
    },

    /**
     * Changes the role of another user or (de)activates their account on behalf of an admin, which revokes the user's
     * access tokens. Returns `not-admin` when the actor is not an active admin any more, undefined when there is no such
     * user.
     *
     * One transaction writes both accounts. Of two admins who demote each other at the same moment, one transaction fails
     * with a write conflict, is repeated, and then finds that its actor is no admin. So at least one admin is always left.
     */
    updateByAdmin: (
      adminId: string,
      id: string,
      change: { role: Role } | { active: boolean },
      changedAt: Date,
    ): Promise<{ user: User; changed: boolean } | 'not-admin' | undefined> => {
      const isDeactivation = 'active' in change && !change.active
      return db.client.withSession({ defaultTimeoutMS: TRANSACTION_TIMEOUT }, (session) =>
        session.withTransaction(async () => {
          const admin = { _id: adminId, role: 'admin', active: { $ne: false } } as const
          // The counter makes this a write that changes something: one that does not would cause no write conflict.
          const { modifiedCount } = await accounts.updateOne(admin, { $inc: { changesMade: 1 } }, { session })
          if (modifiedCount === 0) return 'not-admin'
          const isDifferent =
            'role' in change
              ? { role: { $ne: change.role } }
              : { active: change.active ? false : ({ $ne: false } as const) }
          const changed = await accounts.findOneAndUpdate(
            { _id: id, ...isDifferent, deletedAt: { $exists: false } },
            {
              $set: { ...change, changedAt, ...(isDeactivation && { endingSessions: { at: changedAt } }) },
              $inc: { version: 1 },
              ...('role' in change && withEvent('account.role-changed', changedAt)),
            },
            { returnDocument: 'after', session },
          )
          const account = changed ?? (await accounts.findOne({ _id: id }, { session }))
          return account ? { user: toUser(account), changed: changed !== null } : undefined
        }),
      )
    },

    /** Up to `limit` accounts whose sessions were to be ended before `before`, which is not certain yet. */
    async findEndingSessions(before: Date, limit: number): Promise<{ id: string; ending: SessionEnding }[]> {
      const found = await accounts
        .find({ 'endingSessions.at': { $lt: before } }, { projection: { endingSessions: 1 } })
        .limit(limit)
        .toArray()
      return found.flatMap(({ _id: id, endingSessions: ending }) => (ending ? [{ id, ending }] : []))
    },

    /** Notes that all sessions have ended that a change at `at` ends. A later change stays noted. */
    markSessionsEnded: async (id: string, at: Date): Promise<void> =>
      void (await accounts.updateOne(
        { _id: id, 'endingSessions.at': { $lte: at } },
        { $unset: { endingSessions: 1 } },
      )),

    /** The users whose access tokens were revoked since then, with the version that is valid now. */
    async findChangedSince(since: Date): Promise<{ id: string; version: number; at: Date }[]> {
      const found = await accounts
        .find({ changedAt: { $gte: since } }, { projection: { version: 1, changedAt: 1 } })
        .toArray()
      return found.map(({ _id: id, version = 0, changedAt }) => ({ id, version, at: changedAt! }))
    },
  }
}
