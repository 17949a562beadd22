import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'

/** The topic on which auth-service tells whose account was deleted, keyed by user id, to whoever keeps something of people. */
export const ACCOUNT_DELETIONS = 'account-deletions'
export const ACCOUNT_DELETIONS_PARTITIONS = 1
/** Kafka's own settings for it: one message a user is kept for good, also for who was away for long or was restored. */
export const ACCOUNT_DELETIONS_SETTINGS = { 'cleanup.policy': 'compact' }

/** A CloudEvent 1.0 in structured mode: an account was deleted. There is nothing of its owner in it but the id. */
export const AccountDeletion = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Type.String({ minLength: 1, description: 'The same for every repeat of this event' }),
  source: Type.Literal('/auth-service'),
  type: Type.Literal('account.deleted'),
  subject: Type.String({ minLength: 1, description: 'The id of the user' }),
  time: Type.String({ format: 'date-time' }),
  datacontenttype: Type.Literal('application/json'),
  traceparent: Type.Optional(Type.String()),
  data: Type.Object({ user: Type.Object({ id: Type.String() }) }),
})
export type AccountDeletion = Static<typeof AccountDeletion>

const accountDeletion = Compile(AccountDeletion)

/**
 * Reads an event from a message's text. Fields that are not known here are kept: events only ever gain some.
 *
 * @throws Error with a sentence that says what does not fit, without any of the content.
 */
export function parseAccountDeletion(text: string): AccountDeletion {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('not JSON')
  }
  if (!accountDeletion.Check(value)) {
    const [first] = accountDeletion.Errors(value)
    throw new Error(`not a deletion of an account: ${first?.instancePath || '/'} ${first?.message}`)
  }
  if (value.subject !== value.data.user.id) throw new Error('subject is not the id of the user')
  return value
}
