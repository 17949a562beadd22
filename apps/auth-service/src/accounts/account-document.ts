import { migrate } from '@halles/mongo/migrations'
import type { Collection, Db } from 'mongodb'
import type { PendingEvent } from '../account-events/account-event.ts'
import type { LinkPurpose, StoredEmailChangeLink, StoredLink } from '../account-links/account-link.ts'
import { toSearchWords, type User } from './user.ts'

/** Which sessions of an account end: those that began before `at`, except one. */
export type SessionEnding = { at: Date; except?: string }

/** An account as in MongoDB's collection `users`. */
export type AccountDocument = Omit<User, 'id' | 'active' | 'version' | 'emailVerified'> & {
  _id: string
  /** The e-mail address in the form under which it is unique. */
  emailKey: string
  /** An argon2id hash in PHC format. */
  password: string
  /** What admins search in. */
  words: string[]
  /** Absent while true. */
  active?: boolean
  /** The number of changes that revoked the access tokens of the account, and the time of the last one. */
  version?: number
  changedAt?: Date
  /** When the owner deleted the account. Only the id is left of a deleted account. */
  deletedAt?: Date
  emailVerified?: boolean
  /** The number of changes that this account has made to other accounts as an admin. */
  changesMade?: number
  links?: Partial<Record<Exclude<LinkPurpose, 'email-change'>, StoredLink> & { 'email-change': StoredEmailChangeLink }>
  /** A change that ends sessions, as long as it is not certain that they have ended: those that began before `at`. */
  endingSessions?: SessionEnding
  /** Events that Kafka has not acknowledged yet (transactional outbox). */
  unpublished?: PendingEvent[]
}

/** Opens the collection of accounts: migrates what earlier versions stored, and creates the indexes. */
export async function openAccountCollection(db: Db): Promise<Collection<AccountDocument>> {
  await migrate(db, [{ collection: 'users', renameFields: { untold: 'unpublished' }, dropIndexes: ['untold.id_1'] }])
  const accounts = db.collection<AccountDocument>('users')
  await accounts.createIndexes([
    { key: { emailKey: 1 }, unique: true },
    { key: { words: 1, _id: -1 } },
    { key: { role: 1 }, partialFilterExpression: { role: 'admin' } },
    { key: { 'unpublished.id': 1 }, partialFilterExpression: { 'unpublished.id': { $exists: true } } },
    { key: { 'endingSessions.at': 1 }, partialFilterExpression: { 'endingSessions.at': { $exists: true } } },
    { key: { changedAt: 1 }, partialFilterExpression: { changedAt: { $exists: true } } },
  ])
  return accounts
}

/** The distinct words of a name and an address, by which admins find the account. */
export const toAccountWords = (name: string, email: string): string[] => [
  ...new Set([...toSearchWords(name), ...toSearchWords(email)]),
]

export const toUser = ({
  _id,
  name,
  email,
  role,
  locale,
  createdAt,
  active = true,
  version = 0,
  emailVerified = false,
}: AccountDocument): User => ({
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
