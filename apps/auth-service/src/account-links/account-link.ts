import { randomBytes } from 'node:crypto'
import { AppError } from '@halles/errors/app-error'
import { ClosedObject } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'
import type { PendingEvent } from '../account-events/account-event.ts'
import { CurrentPassword, Email, Password } from '../accounts/user.ts'
import { digestToken } from '../sessions/refresh-token.ts'

const HOUR = 3_600_000

/** What an e-mailed link is for, and how long it is valid, in milliseconds. */
export const linkLifetimes = { 'password-reset': HOUR, 'email-verification': 24 * HOUR, 'email-change': HOUR } as const
export type LinkPurpose = keyof typeof linkLifetimes

/** A link as stored: enough to recognize it, not enough to use it. A new link replaces the last one for its purpose. */
export type StoredLink = {
  digest: string
  expiresAt: Date
  /** The id of the link request that it was issued for. Ids of later requests are greater. */
  requestId?: string
}
/** A stored link to change the e-mail address: the new address, and the session that requested it. */
export type StoredEmailChangeLink = StoredLink & { email: string; sid: string }

/** An issued link: what the store keeps, and what the event that leads to the e-mail contains. */
export type IssuedLink = { stored: StoredLink; link: NonNullable<PendingEvent['link']> }

/** The part of an update that ends the links to which the password gives access, or which give access to it. */
export const linksEndedByPassword = { 'links.password-reset': 1, 'links.email-change': 1 } as const

/** Creates the single-use token of a link: `<user id>.<256 random bits>`. */
export const createLinkToken = (userId: string): string => `${userId}.${randomBytes(32).toString('base64url')}`

/** The user id that a link token claims, and the digest under which the store knows it. */
export const parseLinkToken = (token: string): { userId: string; digest: string } => ({
  userId: token.split('.', 1)[0]!,
  digest: digestToken(token),
})

/** The error for a link that was used or replaced, or that has expired. */
export const invalidLink = (): AppError =>
  new AppError('VALIDATION_FAILED', 'This link was used or has expired: request another e-mail.', {
    errors: [{ path: '/token', message: 'belongs to no valid link' }],
  })

/** The error when this deployment has no Kafka, and so sends no account e-mails. */
export const emailsUnavailable = (): AppError =>
  new AppError('UNAVAILABLE', 'This shop sends no e-mails about accounts.')

const token = Type.String({ minLength: 1, maxLength: 512, description: 'From the link in the e-mail' })

/** Input of `requestPasswordReset`. */
export const PasswordResetRequest = ClosedObject({ email: Email }, { title: 'PasswordResetRequest' })
/** Input of `resetPassword`. */
export const PasswordReset = ClosedObject({ token, newPassword: Password }, { title: 'PasswordReset' })
export type PasswordReset = Static<typeof PasswordReset>
/** Input of `requestEmailChange`. */
export const EmailChange = ClosedObject({ email: Email, password: CurrentPassword }, { title: 'EmailChange' })
export type EmailChange = Static<typeof EmailChange>
/** Input of `verifyEmail` and `changeEmail`. */
export const LinkToken = ClosedObject({ token }, { title: 'LinkToken' })
