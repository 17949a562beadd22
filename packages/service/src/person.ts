import { Type, type Static } from 'typebox'
import { Refusal } from './refusal.ts'

/** The `typ` of access tokens (RFC 9068); other kinds of JWT are rejected. */
export const ACCESS_TOKEN = 'at+jwt'

/** The claims of an access token. */
export const Claims = Type.Object({
  sub: Type.String({ minLength: 1 }),
  role: Type.Enum(['user', 'admin']),
  name: Type.String(),
  email: Type.String(),
  locale: Type.Enum(['fr', 'en']),
  sid: Type.String({ minLength: 1 }),
  ver: Type.Optional(
    Type.Integer({ minimum: 0, description: 'The version of the user: a token with an older version is revoked' }),
  ),
})
export type Claims = Static<typeof Claims>

/** The principal of a request: the user of its access token; `sid` is the session. */
export type Person = Omit<Claims, 'sub' | 'ver'> & { id: string }

/** Returns the principal. @throws AppError `UNAUTHENTICATED` without an access token */
export function signedIn(person: Person | undefined): Person {
  if (!person) throw new Refusal('UNAUTHENTICATED', 'Sign in first: this needs an access token.')
  return person
}

/** Returns the principal if it is an admin. @throws AppError `UNAUTHENTICATED` without an access token, else `FORBIDDEN` */
export function admin(person: Person | undefined): Person {
  if (signedIn(person).role !== 'admin') throw new Refusal('FORBIDDEN', 'Only an admin may do this.')
  return person as Person
}

/** Whether a principal may read data of the user `userId`: its own, or anyone's as an admin. */
export const maySeeOf = (person: Person, userId: string): boolean => person.role === 'admin' || person.id === userId
