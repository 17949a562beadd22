import { randomUUID } from 'node:crypto'
import { decodeJwt, importPKCS8, SignJWT, type JWTPayload } from 'jose'
import { MongoClient } from 'mongodb'

export type Forging = {
  /** A token whose claims are taken. */
  claims: string
  /** Claims that are said otherwise. */
  more?: JWTPayload
  header?: Record<string, string>
  /** For how many seconds it has ended; left out, it is good for ten minutes. */
  endedFor?: number
}
export type Forge = (wish: Forging) => Promise<string>

/** Signs tokens by the key that auth-service signs with, out of its database: nothing is wrong with them but what is said. */
export async function forgedBy(mongodb: string): Promise<Forge> {
  const { kid, pem } = await signingKey(mongodb)
  const key = await importPKCS8(pem, 'ES256')
  return async ({ claims, more = {}, header = {}, endedFor = -600 }) => {
    const now = Math.floor(Date.now() / 1000)
    const said = { ...decodeJwt(claims), iat: now - 600, exp: now - endedFor, jti: randomUUID(), ...more }
    return new SignJWT(said).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header }).sign(key)
  }
}

async function signingKey(mongodb: string): Promise<{ kid: string; pem: string }> {
  const client = new MongoClient(mongodb)
  try {
    const keys = client.db('halles_auth').collection<{ _id: string; privatePem: string }>('keys')
    const signing = { use: 'pair', signsFrom: { $lte: new Date() } }
    const pair = await keys.findOne(signing, { sort: { number: -1 } })
    if (!pair) throw new Error('auth-service has no key here')
    return { kid: pair._id, pem: pair.privatePem }
  } finally {
    await client.close()
  }
}
