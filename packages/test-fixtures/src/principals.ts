import { randomUUID } from 'node:crypto'
import { exportPKCS8, exportSPKI, generateKeyPair, importPKCS8, SignJWT } from 'jose'

/** A principal, as services read it from an access token. */
export type TestPrincipal = {
  id: string
  role: 'user' | 'admin'
  name: string
  email: string
  locale: 'fr' | 'en'
  sid: string
}

const KID = 'test-key'
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const pem = await exportSPKI(publicKey)
const signer = await importPKCS8(await exportPKCS8(privateKey), 'ES256')

/** Finds the public key of the tokens that tests sign. */
export const findTestPublicKey = async (kid: string): Promise<string | undefined> => (kid === KID ? pem : undefined)

/** Creates a user with a unique id and e-mail address. */
export function createPrincipal(overrides: Partial<TestPrincipal> = {}): TestPrincipal {
  const id = randomUUID()
  return {
    id,
    role: 'user',
    name: 'Camille Martin',
    email: `${id}@example.test`,
    locale: 'fr',
    sid: randomUUID(),
    ...overrides,
  }
}

/** Creates an admin. */
export const createAdmin = (overrides: Partial<TestPrincipal> = {}): TestPrincipal =>
  createPrincipal({ role: 'admin', name: 'Alix Bernard', ...overrides })

/** Creates headers with an access token of the principal, `{authorization: 'Bearer …'}`. The options create invalid tokens. */
export async function authorizationHeader(
  principal: TestPrincipal,
  { issuer = 'halles', audience = 'halles', kid = KID, typ = 'at+jwt', expiresAt = Date.now() + 600_000 } = {},
): Promise<{ authorization: string }> {
  const { id, ...claims } = principal
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid, typ })
    .setSubject(id)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(Math.floor(expiresAt / 1000))
    .setJti(randomUUID())
    .sign(signer)
  return { authorization: `Bearer ${token}` }
}
