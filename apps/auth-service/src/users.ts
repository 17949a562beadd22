import type { AccountEventType } from '@halles/contracts/account-events'
import { newId } from '@halles/service/ids'
import { pageOf } from '@halles/service/mongo'
import type { Page } from '@halles/service/page'
import { traceHeaders } from '@halles/service/trace'
import { MongoServerError, type Db, type Filter } from 'mongodb'
import type { KeptChange, KeptLink, Purpose } from './account-link.ts'
import type { Untold } from './account-letters.ts'
import { emailKeyOf, wordsOf, type Role, type User, type UserSearch } from './user.ts'

/** As in MongoDB; `password` is an argon2id hash in PHC form, `words` is what admins search in. */
type Account = Omit<User, 'id' | 'active' | 'version' | 'emailVerified'> & {
  _id: string
  emailKey: string
  password: string
  words: string[]
  /** Left out while it is true. */
  active?: boolean
  /** How often it was changed in a way that makes its access tokens no good, and when last. */
  version?: number
  changedAt?: Date
  /** When its owner deleted it. Only the id is left of them. */
  deletedAt?: Date
  emailVerified?: boolean
  /** How many changes of others' accounts they have made, as an admin. */
  changesMade?: number
  links?: Partial<Record<Exclude<Purpose, 'email-change'>, KeptLink> & { 'email-change': KeptChange }>
  /** What Kafka has not acknowledged yet. */
  untold?: Untold[]
}

export type Users = Awaited<ReturnType<typeof usersIn>>

/** Links that end with the password: to a new one, and those that someone who knew the old one asked for. */
const endedByPassword = { 'links.password-reset': 1, 'links.email-change': 1 } as const

/** How long a change of another's account may wait for others, in milliseconds. */
const CHANGE_WITHIN = 8000

/** How many events an account keeps while Kafka is away: the last ones. */
const MOST_UNTOLD = 20

/**
 * The users in their database. Addresses are unique by `emailKeyOf`, by an index.
 *
 * @param telling whether changes are to be told by events, which are kept with the account until they are
 */
export async function usersIn(db: Db, telling: boolean) {
  const users = db.collection<Account>('users')
  await users.createIndexes([
    { key: { emailKey: 1 }, unique: true },
    { key: { words: 1, _id: -1 } },
    { key: { role: 1 }, partialFilterExpression: { role: 'admin' } },
    { key: { 'untold.id': 1 }, partialFilterExpression: { 'untold.id': { $exists: true } } },
    { key: { changedAt: 1 }, partialFilterExpression: { changedAt: { $exists: true } } },
  ])

  /** The part of a write that keeps an event with what it tells of. */
  const tellingOf = (type: AccountEventType, at: Date) =>
    telling ? { $push: { untold: { $each: [eventOf(type, at)], $slice: -MOST_UNTOLD } } } : {}
  const withLink = (id: string, purpose: Purpose, digest: string, at: Date): Filter<Account> => ({
    _id: id,
    active: { $ne: false },
    [`links.${purpose}.digest`]: digest,
    [`links.${purpose}.expiresAt`]: { $gt: at },
  })

  return {
    /** Adds a user with the hash of a password. False when the address has an account already. */
    async add(
      { id, active: _active, version: _version, emailVerified: _verified, ...user }: User,
      password: string,
    ): Promise<boolean> {
      const words = searchedBy(user.name, user.email)
      try {
        await users.insertOne({ _id: id, ...user, emailKey: emailKeyOf(user.email), password, words })
        return true
      } catch (error) {
        if (isTaken(error)) return false
        throw error
      }
    },

    /** Whether an address has an account. */
    has: async (email: string): Promise<boolean> =>
      (await users.findOne({ emailKey: emailKeyOf(email) }, { projection: { _id: 1 } })) !== null,

    /** The account of an address, with the hash of its password. */
    async withEmail(email: string): Promise<{ user: User; password: string } | undefined> {
      const account = await users.findOne({ emailKey: emailKeyOf(email) })
      return account ? { user: userOf(account), password: account.password } : undefined
    },

    /** The account of an id, with the hash of its password. */
    async withId(id: string): Promise<{ user: User; password: string } | undefined> {
      const account = await users.findOne({ _id: id, active: { $ne: false } })
      return account ? { user: userOf(account), password: account.password } : undefined
    },

    /** Whether an account may be signed in to by the password of this hash, at this very moment. */
    opensBy: async (id: string, hash: string): Promise<boolean> =>
      (await users.findOne(
        { _id: id, password: hash, active: { $ne: false } },
        { projection: { _id: 1 }, readConcern: { level: 'local' } },
      )) !== null,

    /** Puts another hash of the same password in place of `from`. False when the password is another by now. */
    rehash: async (id: string, from: string, to: string): Promise<boolean> =>
      (await users.updateOne({ _id: id, password: from }, { $set: { password: to } })).modifiedCount === 1,

    /** Puts the hash of another password in place of `from`, with which links end. False when it is another by now. */
    changePassword: async (id: string, from: string, to: string, at: Date): Promise<boolean> =>
      (
        await users.updateOne(
          { _id: id, password: from },
          {
            $set: { password: to },
            $unset: endedByPassword,
            ...tellingOf('account.password-changed', at),
          },
        )
      ).modifiedCount === 1,

    /**
     * Puts a link in place of any other for the same purpose, with the event that brings it to its reader. False when
     * the account is closed, or its password by now another than that of the hash, if one is given.
     */
    putLink: async <P extends Purpose>(
      id: string,
      purpose: P,
      link: P extends 'email-change' ? KeptChange : KeptLink,
      event: Untold,
      password?: string,
    ): Promise<boolean> =>
      (
        await users.updateOne(
          { _id: id, active: { $ne: false }, ...(password !== undefined && { password }) },
          { $set: { [`links.${purpose}`]: link }, $push: { untold: { $each: [event], $slice: -MOST_UNTOLD } } },
        )
      ).modifiedCount === 1,

    /** Whose link it is that is good now. */
    async withLink(id: string, purpose: Purpose, digest: string, at: Date): Promise<User | undefined> {
      const account = await users.findOne(withLink(id, purpose, digest, at))
      return account ? userOf(account) : undefined
    },

    /** Uses a link up: it gives a new password, and proves the address. False when it is not good. */
    resetPassword: async (id: string, digest: string, password: string, at: Date): Promise<boolean> =>
      (
        await users.updateOne(withLink(id, 'password-reset', digest, at), {
          $set: { password, emailVerified: true },
          $unset: endedByPassword,
          ...tellingOf('account.password-changed', at),
        })
      ).modifiedCount === 1,

    /** Uses a link up: it proves the address. False when it is not good. */
    verifyEmail: async (id: string, digest: string, at: Date): Promise<boolean> =>
      (
        await users.updateOne(withLink(id, 'email-verification', digest, at), {
          $set: { emailVerified: true },
          $unset: { 'links.email-verification': 1 },
        })
      ).modifiedCount === 1,

    /**
     * Uses a link up: it gives the account the address that the link was sent to, proven by that, and ends all other
     * links, which were sent to the one before. What was not told yet goes there too. Gives back the address and the
     * session that asked; undefined when the link is not good; `taken`, and nothing is changed, when the address has
     * another account.
     */
    async changeEmail(
      id: string,
      digest: string,
      at: Date,
    ): Promise<Pick<KeptChange, 'email' | 'sid'> | 'taken' | undefined> {
      const good = withLink(id, 'email-change', digest, at)
      const account = await users.findOne(good)
      const change = account?.links?.['email-change']
      if (!account || !change) return undefined
      const { name } = account
      const { email, sid } = change
      const told = { input: { $ifNull: ['$untold', []] }, in: { $mergeObjects: [{ to: '$email' }, '$$this'] } }
      const news = { $mergeObjects: [{ $literal: eventOf('account.email-changed', at) }, { to: '$email' }] }
      try {
        const { modifiedCount } = await users.updateOne({ ...good, name }, [
          telling
            ? { $set: { untold: { $slice: [{ $concatArrays: [{ $map: told }, [news]] }, -MOST_UNTOLD] } } }
            : { $unset: 'untold' },
          {
            $set: {
              // An address may begin with what would be an expression.
              email: { $literal: email },
              emailKey: { $literal: emailKeyOf(email) },
              words: { $literal: searchedBy(name, email) },
              emailVerified: true,
              // Access tokens tell the address.
              version: { $add: [{ $ifNull: ['$version', 0] }, 1] },
              changedAt: at,
            },
          },
          { $unset: 'links' },
        ])
        return modifiedCount === 1 ? { email, sid } : undefined
      } catch (error) {
        if (isTaken(error)) return 'taken'
        throw error
      }
    },

    /**
     * Deletes all that an account says of its owner, its letters that were not told among it, and keeps the news of it,
     * to be told now and `again` then. False when the password is another by now, or its owner an admin.
     */
    erase: async (id: string, password: string, at: Date, again: Date): Promise<boolean> => {
      const news = () => eventOf('account.deleted', at)
      const { modifiedCount } = await users.updateOne(
        { _id: id, password, role: 'user', active: { $ne: false } },
        {
          $set: {
            name: '',
            email: '',
            emailKey: `DELETED ${id}`, // keys of addresses have no capitals
            password: '',
            words: [],
            active: false,
            emailVerified: false,
            deletedAt: at,
            changedAt: at,
            untold: [news(), { ...news(), from: again }],
          },
          $unset: { links: 1, changesMade: 1 },
          $inc: { version: 1 },
        },
      )
      return modifiedCount === 1
    },

    /** So many accounts that have something to tell by now, and what. */
    async untold(most: number, at: Date): Promise<{ user: User; untold: Untold[] }[]> {
      const found = await users
        .find({ 'untold.id': { $exists: true }, untold: { $elemMatch: { from: { $not: { $gt: at } } } } })
        .limit(most)
        .toArray()
      return found.map((account) => ({
        user: userOf(account),
        untold: (account.untold ?? []).filter(({ from = at }) => from <= at),
      }))
    },

    /** Forgets what was told. */
    told: async (id: string, events: readonly string[]): Promise<void> =>
      void (await users.updateOne({ _id: id }, { $pull: { untold: { id: { $in: [...events] } } } })),

    /**
     * Changes what access tokens tell, which makes those that there are no good, by an admin: `no admin` when they are
     * none any more. Both accounts are written, in one transaction: of two admins who end each other at the same moment
     * one write fails, and then finds that its admin is none. So whoever changes another is an admin afterwards, and
     * there is always one left. Undefined when there is no such user.
     */
    change: (
      byId: string,
      id: string,
      to: { role: Role } | { active: boolean },
      changedAt: Date,
    ): Promise<{ user: User; changed: boolean } | 'no admin' | undefined> =>
      db.client.withSession({ defaultTimeoutMS: CHANGE_WITHIN }, (session) =>
        session.withTransaction(async () => {
          const by = { _id: byId, role: 'admin', active: { $ne: false } } as const
          // A write that changes nothing is none: it would stand in no one's way.
          const { modifiedCount } = await users.updateOne(by, { $inc: { changesMade: 1 } }, { session })
          if (modifiedCount === 0) return 'no admin'
          const other = 'role' in to ? { role: { $ne: to.role } } : { active: to.active ? false : { $ne: false } }
          const changed = await users.findOneAndUpdate(
            { _id: id, ...other, deletedAt: { $exists: false } },
            {
              $set: { ...to, changedAt },
              $inc: { version: 1 },
              ...('role' in to && tellingOf('account.role-changed', changedAt)),
            },
            { returnDocument: 'after', session },
          )
          const account = changed ?? (await users.findOne({ _id: id }, { session }))
          return account ? { user: userOf(account), changed: changed !== null } : undefined
        }),
      ),

    /** The users who were changed since then, by version. */
    async changedSince(since: Date): Promise<{ id: string; version: number; at: Date }[]> {
      const found = await users
        .find({ changedAt: { $gte: since } }, { projection: { version: 1, changedAt: 1 } })
        .toArray()
      return found.map(({ _id: id, version = 0, changedAt }) => ({ id, version, at: changedAt! }))
    },

    /** The users with these ids, by id; those that there are. */
    async withIds(ids: readonly string[]): Promise<Map<string, User>> {
      const found = await users.find({ _id: { $in: [...new Set(ids)] } }).toArray()
      return new Map(found.map((account) => [account._id, userOf(account)]))
    },

    /** One page of the users, newest first. Text without any word in it finds no one; no text finds all. */
    async search({ search = '', ...wish }: UserSearch): Promise<Page<User>> {
      const words = wordsOf(search)
      if (words.length === 0 && search.trim() !== '')
        return { items: [], cursors: [], hasNextPage: false, totalCount: 0, totalCountIsExact: true }
      // Words are letters and digits only: nothing in them means anything in a pattern.
      const beginnings = words.map((word) => ({ words: { $regex: `^${word}` } }))
      const filter = beginnings.length === 0 ? {} : { $and: beginnings }
      const page = await pageOf(users, { list: 'users', filter, sort: [['_id', -1]] }, wish)
      return { ...page, items: page.items.map(userOf) }
    },

    hasAdmin: async (): Promise<boolean> =>
      (await users.findOne({ role: 'admin', active: { $ne: false } }, { projection: { _id: 1 } })) !== null,
  }
}

const eventOf = (type: Untold['type'], at: Date): Untold => ({ id: newId(), type, at, ...traceHeaders() })

/** What an account is searched by. */
const searchedBy = (name: string, email: string): string[] => [...new Set([...wordsOf(name), ...wordsOf(email)])]

/** Whether a write failed because its address has an account: no other index of ours is unique. */
const isTaken = (error: unknown): boolean => error instanceof MongoServerError && error.code === 11_000

const userOf = ({
  _id,
  name,
  email,
  role,
  locale,
  createdAt,
  active = true,
  version = 0,
  emailVerified = false,
}: Account): User => ({
  id: _id,
  name,
  email,
  role,
  locale,
  createdAt,
  active,
  version,
  emailVerified,
})
