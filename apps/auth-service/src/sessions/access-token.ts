import type { JWT } from '@fastify/jwt'
import { newId } from '@halles/mongo/ids'
import { ACCESS_TOKEN_TYPE, type Claims } from '@halles/auth/principal'
import type { User } from '../accounts/user.ts'
import type { SigningKeys } from '../signing-keys/signing-keys.ts'

export type AccessTokens = ReturnType<typeof createAccessTokens>

/**
 * Creates the signer of access tokens (JWT, ES256), on the @fastify/jwt that all services verify them with. The signing key
 * is looked up for each token, so a key rotation takes effect with the next one.
 *
 * @param seconds the lifetime of a token
 */
export function createAccessTokens(
  jwt: Pick<JWT, 'sign'>,
  {
    signingKeys,
    issuer,
    audience,
    seconds,
  }: { signingKeys: Pick<SigningKeys, 'findSigningKey'>; issuer: string; audience: string; seconds: number },
) {
  return {
    seconds,

    /** Signs a token for a user in a session. Its claims are the user's data, so that services need no look-up. */
    async sign({ id, role, name, email, locale, version }: User, sid: string): Promise<string> {
      const { kid, privatePem } = await signingKeys.findSigningKey()
      const claims: Claims = { sub: id, role, name, email, locale, sid, ver: version }
      return jwt.sign(
        { ...claims, jti: newId() },
        {
          key: privatePem,
          kid,
          header: { typ: ACCESS_TOKEN_TYPE, alg: 'ES256' },
          algorithm: 'ES256',
          iss: issuer,
          aud: audience,
          expiresIn: seconds,
        },
      )
    },
  }
}
