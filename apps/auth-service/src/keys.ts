import { createPublicKey, randomBytes } from 'node:crypto'
import type { KeyOf } from '@halles/service/keys'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, type JWK } from 'jose'
import { MongoServerError, type Collection, type Db } from 'mongodb'

/**
 * A pair of keys. Of those that may sign by now the youngest does; the others are only checked with. `number` is unique, so
 * that of two who add one at once only one does. `expiresAt` is when the last token that it signed has ended.
 */
type Pair = {
  _id: string
  use: 'pair'
  number: number
  publicJwk: JWK
  privatePem: string
  createdAt: Date
  signsFrom: Date
  expiresAt?: Date
}
type Secret = { _id: 'refresh-tokens'; use: 'secret'; secret: string; createdAt: Date }

/** A public key as others are told of it (RFC 7517); `kid` is its thumbprint (RFC 7638). */
export type PublicKey = { kid: string; kty: string; crv: string; x: string; y: string; alg: 'ES256'; use: 'sig' }

/** A pair as an operator sees it. */
export type KeyState = {
  kid: string
  state: 'next' | 'signing' | 'checking'
  signsFrom: Date
  expiresAt?: Date | undefined
}

export type Keys = Awaited<ReturnType<typeof keysIn>>

/** How long what was read is believed, so that keys changed by another instance are noticed, in milliseconds. */
const FRESH_FOR = 30_000
/** How far the clocks of instances may be apart, and how long what one of them has read may be old, in milliseconds. */
const CLOCKS_APART = 60_000
/** How often a key that is not known makes the database be asked, in milliseconds. */
const ASK_EVERY = 2000

/**
 * The keys that sign and seal, in their database. Made when there are none; of several instances that start at once,
 * one makes them and all use them. Of several pairs all are published and one signs; when the next one does is written
 * in it, so that every instance changes over at that moment.
 */
export async function keysIn(db: Db, now: () => number = Date.now) {
  const keys = db.collection<Pair | Secret>('keys')
  await keys.createIndexes([
    { key: { number: 1 }, unique: true, partialFilterExpression: { number: { $exists: true } } },
    { key: { expiresAt: 1 }, expireAfterSeconds: 0 },
  ])
  if (!(await keys.findOne({ use: 'pair' }))) await addUnlessThere(keys, await newPair(1, new Date(now())))
  if (!(await keys.findOne({ _id: 'refresh-tokens' }))) await addUnlessThere(keys, newSecret())

  let read = { pairs: new Map<string, Pair & { publicPem: string }>(), secret: Buffer.alloc(0), at: 0 }
  const reread = async (): Promise<typeof read> => {
    const found = await keys.find().toArray()
    const pairs = found.filter((key) => key.use === 'pair').toSorted((a, b) => b.number - a.number)
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
      const { _id: kid, privatePem } = signing([...pairs.values()], now())
      return { kid, privatePem }
    },

    /** The pairs, youngest first. */
    async list(): Promise<KeyState[]> {
      const pairs = [...(await reread()).pairs.values()]
      const at = now()
      const { number } = signing(pairs, at)
      return pairs.map((pair) => ({
        kid: pair._id,
        state: pair.number > number ? 'next' : pair.number === number ? 'signing' : 'checking',
        signsFrom: pair.signsFrom,
        expiresAt: pair.expiresAt,
      }))
    },

    /**
     * Adds a pair that is published at once and signs in `lead` milliseconds; those before it are published until their
     * last token has ended, and go away by themselves.
     *
     * @param tokenLife how long an access token is good at the most, in milliseconds
     * @throws Error with a sentence when a next pair is waiting already.
     */
    async rotate(lead: number, tokenLife: number): Promise<string> {
      const [youngest] = [...(await reread()).pairs.values()]
      const signsFrom = new Date(now() + lead)
      const waiting = (from: Date) =>
        new Error(`The next key is published already: it signs from ${from.toISOString()}.`)
      if (youngest!.signsFrom.getTime() > now()) throw waiting(youngest!.signsFrom)
      const next = await newPair(youngest!.number + 1, signsFrom)
      if (!(await addUnlessThere(keys, next))) throw waiting(signsFrom)
      await keys.updateMany(
        { use: 'pair', number: { $lt: next.number }, expiresAt: { $exists: false } },
        { $set: { expiresAt: new Date(signsFrom.getTime() + tokenLife + CLOCKS_APART) } },
      )
      return next._id
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

const signing = <P extends Pair>(pairs: readonly P[], at: number): P =>
  pairs.find(({ signsFrom }) => signsFrom.getTime() <= at) ?? pairs.at(-1)!

/** Adds a key, unless another instance was first: then theirs counts, and it is false. */
async function addUnlessThere(keys: Collection<Pair | Secret>, key: Pair | Secret): Promise<boolean> {
  try {
    await keys.insertOne(key)
    return true
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === 11_000)) throw error
    return false
  }
}

async function newPair(number: number, signsFrom: Date): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const publicJwk = await exportJWK(publicKey)
  return {
    _id: await calculateJwkThumbprint(publicJwk),
    use: 'pair',
    number,
    publicJwk,
    privatePem: await exportPKCS8(privateKey),
    createdAt: new Date(),
    signsFrom,
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
