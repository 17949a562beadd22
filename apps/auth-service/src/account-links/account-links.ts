import { isDuplicateKeyError } from '@halles/mongo/mongo'
import type { Collection, Filter } from 'mongodb'
import {
  appendEvent,
  createEventAppender,
  createPendingEvent,
  MAX_PENDING_EVENTS,
  type PendingEvent,
} from '../account-events/account-event.ts'
import { toAccountWords, toUser, type AccountDocument } from '../accounts/account-document.ts'
import { toEmailKey, type User } from '../accounts/user.ts'
import { linksEndedByPassword, type LinkPurpose, type StoredEmailChangeLink, type StoredLink } from './account-link.ts'

export type AccountLinkStore = ReturnType<typeof createAccountLinkStore>

/** Matches an active account with an unexpired link of this purpose and digest. */
const hasLink = (id: string, purpose: LinkPurpose, digest: string, at: Date): Filter<AccountDocument> => ({
  _id: id,
  active: { $ne: false },
  [`links.${purpose}.digest`]: digest,
  [`links.${purpose}.expiresAt`]: { $gt: at },
})

/**
 * Creates the store of the links that were e-mailed to the owners of accounts, which are kept in the accounts' documents.
 *
 * @param publishesEvents whether changes are published as events, which the account keeps until then
 */
export function createAccountLinkStore(accounts: Collection<AccountDocument>, publishesEvents: boolean) {
  const withEvent = createEventAppender(publishesEvents)

  return {
    /**
     * Saves a link in place of the last one for its purpose, with the event that gets it e-mailed. False when the account
     * is not active, when the last link is of the same request or a later one, or when a password hash is given and the
     * password was changed meanwhile.
     */
    save: async <P extends LinkPurpose>(
      id: string,
      purpose: P,
      link: P extends 'email-change' ? StoredEmailChangeLink : StoredLink,
      event: PendingEvent,
      passwordHash?: string,
    ): Promise<boolean> =>
      (
        await accounts.updateOne(
          {
            _id: id,
            active: { $ne: false },
            ...(link.requestId !== undefined && { [`links.${purpose}.requestId`]: { $not: { $gte: link.requestId } } }),
            ...(passwordHash !== undefined && { password: passwordHash }),
          },
          { $set: { [`links.${purpose}`]: link }, ...appendEvent(event) },
        )
      ).modifiedCount === 1,

    /** The user whose valid link this is. */
    async findUser(id: string, purpose: LinkPurpose, digest: string, at: Date): Promise<User | undefined> {
      const account = await accounts.findOne(hasLink(id, purpose, digest, at))
      return account ? toUser(account) : undefined
    },

    /** Redeems a link: sets a new password hash and verifies the address. All sessions are still to be ended. False when the link is not valid. */
    resetPassword: async (id: string, digest: string, passwordHash: string, at: Date): Promise<boolean> =>
      (
        await accounts.updateOne(hasLink(id, 'password-reset', digest, at), {
          $set: { password: passwordHash, emailVerified: true, endingSessions: { at } },
          $unset: linksEndedByPassword,
          ...withEvent('account.password-changed', at),
        })
      ).modifiedCount === 1,

    /** Redeems a link: verifies the address. False when the link is not valid. */
    verifyEmail: async (id: string, digest: string, at: Date): Promise<boolean> =>
      (
        await accounts.updateOne(hasLink(id, 'email-verification', digest, at), {
          $set: { emailVerified: true },
          $unset: { 'links.email-verification': 1 },
        })
      ).modifiedCount === 1,

    /**
     * Redeems a link: the account gets the address that the link was sent to, verified, and all its other links end, which
     * were sent to the previous address. Events that were not published yet keep the previous address as recipient.
     *
     * @returns the new address and the session that requested it; undefined when the link is not valid; `email-taken`, and
     *   nothing changes, when the address has another account
     */
    async changeEmail(
      id: string,
      digest: string,
      at: Date,
    ): Promise<Pick<StoredEmailChangeLink, 'email' | 'sid'> | 'email-taken' | undefined> {
      const filter = hasLink(id, 'email-change', digest, at)
      const account = await accounts.findOne(filter)
      const link = account?.links?.['email-change']
      if (!account || !link) return undefined
      const { name } = account
      const { email, sid } = link
      // In an update pipeline, `$email` is still the previous address.
      const pending = {
        $map: { input: { $ifNull: ['$unpublished', []] }, in: { $mergeObjects: [{ to: '$email' }, '$$this'] } },
      }
      const event = { $mergeObjects: [{ $literal: createPendingEvent('account.email-changed', at) }, { to: '$email' }] }
      try {
        const { modifiedCount } = await accounts.updateOne({ ...filter, name }, [
          publishesEvents
            ? { $set: { unpublished: { $slice: [{ $concatArrays: [pending, [event]] }, -MAX_PENDING_EVENTS] } } }
            : { $unset: 'unpublished' },
          {
            $set: {
              // `$literal`, because an address may begin with `$`, as an expression does.
              email: { $literal: email },
              emailKey: { $literal: toEmailKey(email) },
              words: { $literal: toAccountWords(name, email) },
              emailVerified: true,
              // Revokes the access tokens, which contain the address.
              version: { $add: [{ $ifNull: ['$version', 0] }, 1] },
              changedAt: at,
              endingSessions: { at, except: { $literal: sid } },
            },
          },
          { $unset: 'links' },
        ])
        return modifiedCount === 1 ? { email, sid } : undefined
      } catch (error) {
        // No other index is unique.
        if (isDuplicateKeyError(error)) return 'email-taken'
        throw error
      }
    },
  }
}
