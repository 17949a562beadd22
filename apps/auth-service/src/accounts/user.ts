import { newId } from '@halles/mongo/ids'
import { ClosedObject, Timestamp, PageQuery } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'

const roles = ['user', 'admin'] as const
const locales = ['fr', 'en'] as const
export type Role = (typeof roles)[number]
export type Locale = (typeof locales)[number]

/** A user as they and admins see them. The password hash stays in the store. */
export type User = {
  id: string
  name: string
  email: string
  role: Role
  locale: Locale
  createdAt: Date
  /** Whether the account can be signed in to. */
  active: boolean
  /** Rises with every change of a token claim, so that access tokens with outdated claims are recognized as revoked. */
  version: number
  /** Whether the owner has proven that they receive e-mails at the address. */
  emailVerified: boolean
}

// Names and addresses end up in e-mail headers, so line breaks and bidirectional control characters are forbidden. E-mails
// go to addresses that are not verified yet, so nothing in the greeting may be displayed as a link.
const ONE_LINE = String.raw`^(?=.*\S)(?!.*(?:://|[wW]{3}\.))[^\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]+$`

export const Name = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: ONE_LINE,
  description: 'One line without a web address',
})
export const Email = Type.String({ format: 'email', maxLength: 254 })
/** A new password. Length is counted in code points, and nothing is truncated. passwords/password.ts has the other rules. */
export const Password = Type.String({
  minLength: 8,
  maxLength: 128,
  description: '8 to 128 characters of any kind; not a commonly used password, and not your name or address',
})

const registration = {
  name: Name,
  email: Email,
  password: Password,
  locale: Type.Optional(Type.Enum([...locales], { default: 'fr', description: 'The language of e-mails' })),
}
/**
 * An existing password, as proof of identity. It is not checked against the rules for new passwords: one that breaks them
 * is answered as a wrong password. The same goes for the address in `Credentials`.
 */
export const CurrentPassword = Type.String({ minLength: 1, maxLength: 128 })
const credentials = { email: Type.String({ minLength: 1, maxLength: 254 }), password: CurrentPassword }
const cookie = Type.Optional(
  Type.Boolean({ description: 'Keep the refresh token in an HttpOnly cookie instead of the response body' }),
)

/** Input of `register`. */
export const Registration = ClosedObject(registration)
export type Registration = Static<typeof Registration>
/** The REST body of `register`: a browser may ask for a cookie. */
export const RegistrationBody = ClosedObject({ ...registration, cookie }, { title: 'Registration' })

/** Input of `logIn`. */
export const Credentials = ClosedObject(credentials)
export type Credentials = Static<typeof Credentials>
/** The REST body of `logIn`: a browser may ask for a cookie. */
export const CredentialsBody = ClosedObject({ ...credentials, cookie }, { title: 'Credentials' })

/** Input of `changePassword`. */
export const PasswordChange = ClosedObject(
  { currentPassword: CurrentPassword, newPassword: Password },
  { title: 'PasswordChange' },
)
export type PasswordChange = Static<typeof PasswordChange>

/** Input of `updateProfile`: what replaces the name and the language of e-mails. */
export const Profile = ClosedObject(
  { name: Name, locale: Type.Enum([...locales], { description: 'The language of e-mails' }) },
  { title: 'Profile' },
)
export type Profile = Static<typeof Profile>

/** Input of `deleteAccount`. */
export const Deletion = ClosedObject({ password: CurrentPassword }, { title: 'Deletion' })

export const RoleChange = ClosedObject({ role: Type.Enum([...roles]) }, { title: 'RoleChange' })
export const ActiveChange = ClosedObject({ active: Type.Boolean() }, { title: 'ActiveChange' })

/** A search of users: each word of `search` must be the prefix of a word of the name or the e-mail address. */
export const UserSearch = ClosedObject({ ...PageQuery, search: Type.Optional(Type.String({ maxLength: 200 })) })
export type UserSearch = Static<typeof UserSearch>

/** A user in REST responses. */
export const UserView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    email: Type.String(),
    role: Type.Enum([...roles]),
    locale: Type.Enum([...locales]),
    createdAt: Timestamp,
    active: Type.Boolean({ description: 'Whether the account can be signed in to' }),
    emailVerified: Type.Boolean({
      description: 'Whether the owner has proven that they receive e-mails at the address',
    }),
  },
  { title: 'User' },
)
export type UserView = Static<typeof UserView>

export const toUserView = ({ version: _version, createdAt, ...user }: User): UserView => ({
  ...user,
  createdAt: createdAt.toISOString(),
})

/** Creates the user of a new account, with a new id. */
export const createUser = ({ name, email, locale = 'fr' }: Registration, role: Role, createdAt: Date): User => ({
  id: newId(),
  name: name.trim(),
  email,
  role,
  locale,
  createdAt,
  active: true,
  version: 0,
  emailVerified: false,
})

/** The form in which e-mail addresses are compared and unique: NFKC, lower case. Dots and tags are kept. */
export const toEmailKey = (email: string): string => email.normalize('NFKC').toLowerCase()

/** The distinct words of a text for search, without accents and case: "Lœtitia B." gives `loetitia` and `b`. */
export const toSearchWords = (text: string): string[] => [
  ...new Set(
    text
      .normalize('NFKD')
      .replaceAll(/\p{M}+/gu, '')
      .toLowerCase()
      .replaceAll('œ', 'oe')
      .replaceAll('æ', 'ae')
      .replaceAll('ß', 'ss')
      .split(/[^\p{L}\p{N}]+/u)
      .filter(Boolean),
  ),
]
