import { Type, type Static } from 'typebox'
import { cloudEvent, createEventParser } from './cloud-events.ts'

/** The topic on which auth-service publishes events of accounts, keyed by user id, for e-mails. */
export const ACCOUNT_EVENTS = 'account-events'
export const ACCOUNT_EVENTS_PARTITIONS = 3
/** Settings of the topic. No e-mail is sent for an event that is older than a day. */
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

/** An event of an account, complete in itself. */
export const AccountEvent = cloudEvent({
  source: '/auth-service',
  type: Type.Enum([...accountEventTypes]),
  subject: 'The id of the user',
  data: Type.Object({
    user: Type.Object({
      id: Type.String(),
      name: Type.String(),
      email: Type.String({
        description: 'The recipient: the address of the account at that time, the new address, or the previous one',
      }),
      locale: Type.Enum(['fr', 'en']),
      role: Type.Enum(['user', 'admin']),
    }),
    link: Type.Optional(
      Type.Object(
        {
          sealed: Type.String({
            description: 'The token of the link, as a JWE that only notification-service decrypts',
          }),
          expiresAt: Type.String({ format: 'date-time' }),
        },
        { description: 'Only in events of type account.*-requested' },
      ),
    ),
  }),
})
export type AccountEvent = Static<typeof AccountEvent>

/** Parses a message of the topic (see createEventParser). */
export const parseAccountEvent: (text: string) => AccountEvent = createEventParser(AccountEvent, 'an account event')
