import { createPublicKey, randomBytes } from 'node:crypto'
import type { KeyOf } from '@halles/service/keys'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, type JWK } from 'jose'
import { MongoServerError, type Collection, type Db } from 'mongodb'

/** A pair of keys: `sign` is the one that signs now, of which there is one; `check` those that are still believed. */
type Pair = { _id: string; use: 'sign' | 'check'; publicJwk: JWK; privatePem: string; createdAt: Date }
type Secret = { _id: 'refresh-tokens'; use: 'secret'; secret: string; createdAt: Date }

/** A public key as others are told of it (RFC 7517); `kid` is its thumbprint (RFC 7638). */
export type PublicKey = { kid: string; kty: string; crv: string; x: string; y: string; alg: 'ES256'; use: 'sig' }

export type Keys = Awaited<ReturnType<typeof keysIn>>

/** How long what was read is believed, so that keys changed by another instance are noticed, in milliseconds. */
const FRESH_FOR = 30_000
/** How often a key that is not known makes the database be asked, in milliseconds. */
const ASK_EVERY = 2000

/**
 * The keys that sign and seal, in their database. Made when there are none; of several instances that start at once,
 * one makes them and all use them. Ready for several pairs at a time: all are published, one signs.
 */
export async function keysIn(db: Db, now: () => number = Date.now) {
  const keys = db.collection<Pair | Secret>('keys')
  await keys.createIndex({ use: 1 }, { unique: true, partialFilterExpression: { use: 'sign' } })
  if (!(await keys.findOne({ use: 'sign' }))) await addUnlessThere(keys, await newPair())
  if (!(await keys.findOne({ _id: 'refresh-tokens' }))) await addUnlessThere(keys, newSecret())

  let read = { pairs: new Map<string, Pair & { publicPem: string }>(), secret: Buffer.alloc(0), at: 0 }
  const reread = async (): Promise<typeof read> => {
    const found = await keys.find().toArray()
    const pairs = found.filter((key) => key.use !== 'secret')
    const secret = found.find((key) => key.use === 'secret')!
    read = {
      pairs: new Map(pairs.map((pair) => [pair._id, { ...pair, publicPem: pemOf(pair.publicJwk) }])),
      secret: Buffer.from(secret.secret, 'base64url'),
      at: now(),
    }
    return read
  }
  const present = async (maxAge = FRESH_FOR): Promise<typeof read> => (now() - read.at < maxAge ? read : reread())
  const { secret } = await reread()

  const keyOf: KeyOf = async (kid) => {
    const known = read.pairs.get(kid)
    try {
      const { pairs } = await present(known ? FRESH_FOR : ASK_EVERY)
      return pairs.get(kid)?.publicPem
    } catch (error) {
      // While the database is away a key that was good stays good, as in the other services.
      if (known) return known.publicPem
      throw error
    }
  }

  return {
    /** Finds the public key of a token, like `keysAt` of the other services, without HTTP. */
    keyOf,

    /** The key that signs now, as a PEM, and its id. */
    async signing(): Promise<{ kid: string; privatePem: string }> {
      const { pairs } = await present()
      const { _id: kid, privatePem } = pairs.values().find(({ use }) => use === 'sign')!
      return { kid, privatePem }
    },

    /** Every public key by which a token may be checked. */
    async published(): Promise<PublicKey[]> {
      const { pairs } = await present()
      return [...pairs.values()].map(({ _id: kid, publicJwk: { kty, crv, x, y } }) => ({
        ...({ kid, kty, crv, x, y } as Pick<PublicKey, 'kid' | 'kty' | 'crv' | 'x' | 'y'>),
        alg: 'ES256',
        use: 'sig',
      }))
    },

    /** The secret that refresh tokens are sealed with; it never changes. */
    refreshSecret: secret,
  }
}

/** Adds a key, unless another instance was first: then theirs counts. */
async function addUnlessThere(keys: Collection<Pair | Secret>, key: Pair | Secret): Promise<void> {
  try {
    await keys.insertOne(key)
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === 11_000)) throw error
  }
}

async function newPair(): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const publicJwk = await exportJWK(publicKey)
  return {
    _id: await calculateJwkThumbprint(publicJwk),
    use: 'sign',
    publicJwk,
    privatePem: await exportPKCS8(privateKey),
    createdAt: new Date(),
  }
}

const newSecret = (): Secret => ({
  _id: 'refresh-tokens',
  use: 'secret',
  secret: randomBytes(32).toString('base64url'),
  createdAt: new Date(),
})

const pemOf = (key: JWK): string =>
  createPublicKey({ key: { ...key }, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
