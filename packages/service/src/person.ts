import { Type, type Static } from 'typebox'
import { Refusal } from './refusal.ts'

/** The `typ` of access tokens (RFC 9068): no other kind of JWT is taken for one. */
export const ACCESS_TOKEN = 'at+jwt'

/** What an access token says of who it belongs to. */
export const Claims = Type.Object({
  sub: Type.String({ minLength: 1 }),
  role: Type.Enum(['user', 'admin']),
  name: Type.String(),
  email: Type.String(),
  locale: Type.Enum(['fr', 'en']),
  sid: Type.String({ minLength: 1 }),
  ver: Type.Optional(Type.Integer({ minimum: 0, description: 'Rises when what a token says of its owner is no more' })),
})
export type Claims = Static<typeof Claims>

/** Someone who is signed in; `sid` is the session. */
export type Person = Omit<Claims, 'sub' | 'ver'> & { id: string }

/** The person, or `UNAUTHENTICATED` when no one is signed in. */
export function signedIn(person: Person | undefined): Person {
  if (!person) throw new Refusal('UNAUTHENTICATED', 'Sign in first: this needs an access token.')
  return person
}

/** The admin, or `UNAUTHENTICATED` for no one and `FORBIDDEN` for anyone else. */
export function admin(person: Person | undefined): Person {
  if (signedIn(person).role !== 'admin') throw new Refusal('FORBIDDEN', 'Only an admin may do this.')
  return person as Person
}

/** Whether someone may see what belongs to the user `userId`. */
export const maySeeOf = (person: Person, userId: string): boolean => person.role === 'admin' || person.id === userId
