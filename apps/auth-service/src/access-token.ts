import type { JWT } from '@fastify/jwt'
import { newId } from '@halles/service/ids'
import { ACCESS_TOKEN, type Claims } from '@halles/service/person'
import type { Keys } from './keys.ts'
import type { User } from './user.ts'

export type AccessTokens = ReturnType<typeof accessTokensOf>

/**
 * Signs access tokens (JWT, ES256) by the @fastify/jwt that every service checks them with. The key is given with each,
 * so that the next token after a change of keys is signed by the new one.
 *
 * @param seconds how long a token is good.
 */
export function accessTokensOf(
  jwt: Pick<JWT, 'sign'>,
  {
    keys,
    issuer,
    audience,
    seconds,
  }: { keys: Pick<Keys, 'signing'>; issuer: string; audience: string; seconds: number },
) {
  return {
    seconds,

    /** A token for a user in a session: who they are now, so that services need not ask. */
    async sign({ id, role, name, email, locale, version }: User, sid: string): Promise<string> {
      const { kid, privatePem } = await keys.signing()
      const claims: Claims = { sub: id, role, name, email, locale, sid, ver: version }
      return jwt.sign(
        { ...claims, jti: newId() },
        {
          key: privatePem,
          kid,
          header: { typ: ACCESS_TOKEN, alg: 'ES256' },
          algorithm: 'ES256',
          iss: issuer,
          aud: audience,
          expiresIn: seconds,
        },
      )
    },
  }
}
