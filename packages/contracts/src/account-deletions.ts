import { Type, type Static } from 'typebox'
import { cloudEvent, createEventParser } from './cloud-events.ts'

/** The topic on which auth-service publishes deleted accounts, keyed by user id, for services that store personal data. */
export const ACCOUNT_DELETIONS = 'account-deletions'
export const ACCOUNT_DELETIONS_PARTITIONS = 1
/**
 * Settings of the topic. Compaction keeps the last message of each user permanently, for consumers that were offline or
 * restored.
 */
export const ACCOUNT_DELETIONS_SETTINGS = { 'cleanup.policy': 'compact' }

/** The event that an account was deleted. The user id is its only personal data. */
export const AccountDeletion = cloudEvent({
  source: '/auth-service',
  type: Type.Literal('account.deleted'),
  subject: 'The id of the user',
  data: Type.Object({ user: Type.Object({ id: Type.String() }) }),
})
export type AccountDeletion = Static<typeof AccountDeletion>

const parse = createEventParser(AccountDeletion, 'a deletion of an account')

/**
 * Parses a message of the topic (see createEventParser).
 *
 * @throws Error also when the subject differs from the user id
 */
export function parseAccountDeletion(text: string): AccountDeletion {
  const event = parse(text)
  if (event.subject !== event.data.user.id) throw new Error('subject is not the id of the user')
  return event
}
