import { randomBytes } from 'node:crypto'
import { Closed } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import { digestOf } from './refresh-token.ts'
import { Email, Password, PresentPassword } from './user.ts'

const HOUR = 3_600_000

/** What a letter with a link is for, and how long the link is good, in milliseconds. */
export const linkLives = { 'password-reset': HOUR, 'email-verification': 24 * HOUR, 'email-change': HOUR } as const
export type Purpose = keyof typeof linkLives

/** What is kept of a link: enough to know it again, not enough to use it. A new one for the same purpose replaces it. */
export type KeptLink = { digest: string; expiresAt: Date }
/** The same of a link by which an account gets another address: which, and the session that asked for it. */
export type KeptChange = KeptLink & { email: string; sid: string }

/** A link's token, `<user>.<256 bits>`, for one use. */
export const newLinkToken = (userId: string): string => `${userId}.${randomBytes(32).toString('base64url')}`

/** Whose link a token is, as it says itself, and what the store knows it by. */
export const readLinkToken = (token: string): { userId: string; digest: string } => ({
  userId: token.split('.', 1)[0]!,
  digest: digestOf(token),
})

const token = Type.String({ minLength: 1, maxLength: 512, description: 'From the link in the letter' })

/** The address of who has forgotten their password. */
export const Forgotten = Closed({ email: Email }, { title: 'Forgotten' })
/** A new password, by who has read the letter. */
export const PasswordReset = Closed({ token, newPassword: Password }, { title: 'PasswordReset' })
export type PasswordReset = Static<typeof PasswordReset>
/** Another address, by someone who knows the password. */
export const EmailChange = Closed({ email: Email, password: PresentPassword }, { title: 'EmailChange' })
export type EmailChange = Static<typeof EmailChange>
/** Proof of having read the letter. */
export const Verification = Closed({ token }, { title: 'Verification' })
