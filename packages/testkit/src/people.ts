import { randomUUID } from 'node:crypto'
import { exportPKCS8, exportSPKI, generateKeyPair, importPKCS8, SignJWT } from 'jose'

/** Someone who is signed in, as services know them. */
export type TestPerson = {
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

/** The key of the tokens that tests sign, as a service asks for it. */
export const testKeyOf = async (kid: string): Promise<string | undefined> => (kid === KID ? pem : undefined)

/** Someone new, with an id and an address of their own. */
export function someone(more: Partial<TestPerson> = {}): TestPerson {
  const id = randomUUID()
  return {
    id,
    role: 'user',
    name: 'Camille Martin',
    email: `${id}@example.test`,
    locale: 'fr',
    sid: randomUUID(),
    ...more,
  }
}

/** An admin, new. */
export const someAdmin = (more: Partial<TestPerson> = {}): TestPerson =>
  someone({ role: 'admin', name: 'Alix Bernard', ...more })

/** Headers that sign a person in: `{authorization: 'Bearer …'}`. The options make tokens that are not good. */
export async function as(
  person: TestPerson,
  { issuer = 'halles', audience = 'halles', kid = KID, typ = 'at+jwt', expiresAt = Date.now() + 600_000 } = {},
): Promise<{ authorization: string }> {
  const { id, ...claims } = person
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
