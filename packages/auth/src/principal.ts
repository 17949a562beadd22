import { Type, type Static } from 'typebox'
import { AppError } from '@halles/errors/app-error'

/** The `typ` of access tokens (RFC 9068); other kinds of JWT are rejected. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'

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
export type Principal = Omit<Claims, 'sub' | 'ver'> & { id: string }

/** Returns the principal. @throws AppError `UNAUTHENTICATED` without an access token */
export function requirePrincipal(principal: Principal | undefined): Principal {
  if (!principal) throw new AppError('UNAUTHENTICATED', 'Sign in first: this needs an access token.')
  return principal
}

/** Returns the principal if it is an admin. @throws AppError `UNAUTHENTICATED` without an access token, else `FORBIDDEN` */
export function requireAdmin(principal: Principal | undefined): Principal {
  if (requirePrincipal(principal).role !== 'admin') throw new AppError('FORBIDDEN', 'Only an admin may do this.')
  return principal as Principal
}

/** Whether a principal may read data of the user `userId`: its own, or anyone's as an admin. */
export const canRead = (principal: Principal, userId: string): boolean =>
  principal.role === 'admin' || principal.id === userId
