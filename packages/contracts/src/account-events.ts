import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'

/** The topic on which auth-service tells what became of accounts, for letters; keyed by user id. */
export const ACCOUNT_EVENTS = 'account-events'
export const ACCOUNT_EVENTS_PARTITIONS = 3
/** Kafka's own settings for it: what is a day old is for no letter any more. */
export const ACCOUNT_EVENTS_SETTINGS = { 'retention.ms': String(24 * 60 * 60 * 1000) }

export const accountEventTypes = [
  'account.password-reset-requested',
  'account.email-verification-requested',
  'account.email-change-requested',
  'account.password-changed',
  'account.email-changed',
  'account.role-changed',
] as const
export type AccountEventType = (typeof accountEventTypes)[number]

/** A CloudEvent 1.0 in structured mode: what became of an account, whole in itself. */
export const AccountEvent = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Type.String({ minLength: 1, description: 'The same for every repeat of this event' }),
  source: Type.Literal('/auth-service'),
  type: Type.Enum([...accountEventTypes]),
  subject: Type.String({ minLength: 1, description: 'The id of the user' }),
  time: Type.String({ format: 'date-time' }),
  datacontenttype: Type.Literal('application/json'),
  traceparent: Type.Optional(Type.String()),
  data: Type.Object({
    user: Type.Object({
      id: Type.String(),
      name: Type.String(),
      email: Type.String({
        description: 'Where the letter goes: the address of the account then, the wanted one, or the one before',
      }),
      locale: Type.Enum(['fr', 'en']),
      role: Type.Enum(['user', 'admin']),
    }),
    link: Type.Optional(
      Type.Object(
        {
          sealed: Type.String({
            description: 'A JWE of the token that the link is to carry, which only its writer opens',
          }),
          expiresAt: Type.String({ format: 'date-time' }),
        },
        { description: 'Of the requests' },
      ),
    ),
  }),
})
export type AccountEvent = Static<typeof AccountEvent>

const accountEvent = Compile(AccountEvent)

/**
 * Reads an event from a message's text. Fields that are not known here are kept: events only ever gain some.
 *
 * @throws Error with a sentence that says what does not fit, without any of the content.
 */
export function parseAccountEvent(text: string): AccountEvent {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('not JSON')
  }
  if (accountEvent.Check(value)) return value
  const [first] = accountEvent.Errors(value)
  throw new Error(`not an account event: ${first?.instancePath || '/'} ${first?.message}`)
}
