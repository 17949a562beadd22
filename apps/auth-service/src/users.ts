import { pageOf } from '@halles/service/mongo'
import type { Page } from '@halles/service/page'
import { MongoServerError, type Db } from 'mongodb'
import { emailKeyOf, wordsOf, type Role, type User, type UserSearch } from './user.ts'

/** As in MongoDB; `password` is an argon2id hash in PHC form, `words` is what admins search in. */
type Account = Omit<User, 'id' | 'active' | 'version'> & {
  _id: string
  emailKey: string
  password: string
  words: string[]
  /** Left out while it is true. */
  active?: boolean
  /** How often it was changed in a way that makes its access tokens no good, and when last. */
  version?: number
  changedAt?: Date
}

export type Users = Awaited<ReturnType<typeof usersIn>>

/** The users in their database. Addresses are unique by `emailKeyOf`, by an index. */
export async function usersIn(db: Db) {
  const users = db.collection<Account>('users')
  await users.createIndexes([
    { key: { emailKey: 1 }, unique: true },
    { key: { words: 1, _id: -1 } },
    { key: { role: 1 }, partialFilterExpression: { role: 'admin' } },
    { key: { changedAt: 1 }, partialFilterExpression: { changedAt: { $exists: true } } },
  ])

  return {
    /** Adds a user with the hash of a password. False when the address has an account already. */
    async add({ id, active: _active, version: _version, ...user }: User, password: string): Promise<boolean> {
      const words = [...new Set([...wordsOf(user.name), ...wordsOf(user.email)])]
      try {
        await users.insertOne({ _id: id, ...user, emailKey: emailKeyOf(user.email), password, words })
        return true
      } catch (error) {
        if (error instanceof MongoServerError && error.code === 11_000) return false
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

    /** Puts the hash of another password in place of `from`. False when it is another by now. */
    changePassword: async (id: string, from: string, to: string): Promise<boolean> =>
      (await users.updateOne({ _id: id, password: from }, { $set: { password: to } })).modifiedCount === 1,

    /** Changes what access tokens tell, which makes those that there are no good; undefined when there is no such user. */
    async change(
      id: string,
      to: { role: Role } | { active: boolean },
      changedAt: Date,
    ): Promise<{ user: User; changed: boolean } | undefined> {
      const other = 'role' in to ? { role: { $ne: to.role } } : { active: to.active ? false : { $ne: false } }
      const changed = await users.findOneAndUpdate(
        { _id: id, ...other },
        { $set: { ...to, changedAt }, $inc: { version: 1 } },
        { returnDocument: 'after' },
      )
      const account = changed ?? (await users.findOne({ _id: id }))
      return account ? { user: userOf(account), changed: changed !== null } : undefined
    },

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

const userOf = ({ _id, name, email, role, locale, createdAt, active = true, version = 0 }: Account): User => ({
  id: _id,
  name,
  email,
  role,
  locale,
  createdAt,
  active,
  version,
})
