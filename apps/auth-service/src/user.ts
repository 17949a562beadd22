import { Closed, Moment, PageQuery } from '@halles/service/schema'
import { Type, type Static } from 'typebox'

const roles = ['user', 'admin'] as const
const locales = ['fr', 'en'] as const
export type Role = (typeof roles)[number]
export type Locale = (typeof locales)[number]

/** Someone with an account, as they and admins see them. The hash of their password stays in the store. */
export type User = {
  id: string
  name: string
  email: string
  role: Role
  locale: Locale
  createdAt: Date
  /** Whether it can be signed in to. */
  active: boolean
  /** Rises with what access tokens tell of a user, so that those which tell the old are known. */
  version: number
  /** Whether it was proven that letters to the address are read by its owner. */
  emailVerified: boolean
}

// Names and addresses end up in the headers of letters: no line breaks, and nothing that turns text around. And a letter goes
// to an address before it is proven whose it is: nothing in its greeting may become a link there.
const ONE_LINE = String.raw`^(?=.*\S)(?!.*(?:://|[wW]{3}\.))[^\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]+$`

export const Name = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: ONE_LINE,
  description: 'One line, no web address',
})
export const Email = Type.String({ format: 'email', maxLength: 254 })
/** Characters are counted as code points. A longer password is refused, never cut; password.ts says what else is. */
export const Password = Type.String({
  minLength: 8,
  maxLength: 128,
  description: '8 to 128 characters of any kind; none that are tried first, and not your name or address',
})

const registration = {
  name: Name,
  email: Email,
  password: Password,
  locale: Type.Optional(Type.Enum([...locales], { default: 'fr', description: 'The language of letters' })),
}
/** What is not a good password any more is simply not the right one; the same goes for an address. */
export const PresentPassword = Type.String({ minLength: 1, maxLength: 128 })
const credentials = { email: Type.String({ minLength: 1, maxLength: 254 }), password: PresentPassword }
const cookie = Type.Optional(
  Type.Boolean({ description: 'Keep the refresh token in an HttpOnly cookie instead of the answer' }),
)

/** Who someone is who opens an account. */
export const Registration = Closed(registration)
export type Registration = Static<typeof Registration>
/** The same over REST, where a browser may ask for a cookie. */
export const RegistrationBody = Closed({ ...registration, cookie }, { title: 'Registration' })

/** Who someone says they are. */
export const Credentials = Closed(credentials)
export type Credentials = Static<typeof Credentials>
/** The same over REST, where a browser may ask for a cookie. */
export const CredentialsBody = Closed({ ...credentials, cookie }, { title: 'Credentials' })

/** Another password, by someone who knows the present one. */
export const PasswordChange = Closed(
  { currentPassword: PresentPassword, newPassword: Password },
  { title: 'PasswordChange' },
)
export type PasswordChange = Static<typeof PasswordChange>

/** Proof that it is the owner who wants their account deleted. */
export const Deletion = Closed({ password: PresentPassword }, { title: 'Deletion' })

export const RoleChange = Closed({ role: Type.Enum([...roles]) }, { title: 'RoleChange' })
export const ActiveChange = Closed({ active: Type.Boolean() }, { title: 'ActiveChange' })

/** Which users an admin looks for: those with a word of name or e-mail that begins so, for each word of `search`. */
export const UserSearch = Closed({ ...PageQuery, search: Type.Optional(Type.String({ maxLength: 200 })) })
export type UserSearch = Static<typeof UserSearch>

/** A user as REST answers it. */
export const UserView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    email: Type.String(),
    role: Type.Enum([...roles]),
    locale: Type.Enum([...locales]),
    createdAt: Moment,
    active: Type.Boolean({ description: 'Whether the account can be signed in to' }),
    emailVerified: Type.Boolean({ description: 'Whether its owner was proven to read the letters to the address' }),
  },
  { title: 'User' },
)
export type UserView = Static<typeof UserView>

export const userView = ({ version: _version, createdAt, ...user }: User): UserView => ({
  ...user,
  createdAt: createdAt.toISOString(),
})

/** An address as it is compared: one account an address, whatever its case. */
export const emailKeyOf = (email: string): string => email.normalize('NFKC').toLowerCase()

/** The words of a text as they are searched: without accents and case, each once. "Lœtitia B." gives loetitia and b. */
export const wordsOf = (text: string): string[] => [
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
