import { createPublicKey, randomBytes } from 'node:crypto'
import type { FindPublicKey } from '@halles/auth/jwks-client'
import { isDuplicateKeyError } from '@halles/mongo/mongo'
import { retryWrite } from '@halles/mongo/retry-write'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, type JWK } from 'jose'
import type { Collection, Db } from 'mongodb'

/**
 * A key pair as in MongoDB. Of the pairs whose `signsFrom` has passed, the one with the highest number signs; the others
 * only verify. `number` is unique, so that of concurrent rotations only one succeeds. `expiresAt` is when the last token
 * that the pair signed has expired.
 */
type KeyPairDocument = {
  _id: string
  use: 'pair'
  number: number
  publicJwk: JWK
  privatePem: string
  createdAt: Date
  signsFrom: Date
  expiresAt?: Date
}
/** A pair that was revoked, without its keys. It is kept, so that every service learns of it, whenever it asks. */
type RevokedPairDocument = {
  _id: string
  use: 'revoked'
  number: number
  createdAt: Date
  signsFrom: Date
  revokedAt: Date
}
type SecretDocument = { _id: 'refresh-tokens'; use: 'secret'; secret: string; createdAt: Date }

/** A public key as published (RFC 7517). `kid` is its thumbprint (RFC 7638). */
export type PublicKey = { kid: string; kty: string; crv: string; x: string; y: string; alg: 'ES256'; use: 'sig' }

type KeyDocument = KeyPairDocument | RevokedPairDocument | SecretDocument

/** The state of a key pair, for operators: `next` will sign later, `checking` only verifies, `revoked` does neither. */
export type KeyState = {
  kid: string
  state: 'next' | 'signing' | 'checking' | 'revoked'
  signsFrom: Date
  revokedAt?: Date
  expiresAt?: Date | undefined
}

export type SigningKeys = Awaited<ReturnType<typeof createSigningKeys>>

/** How long keys are cached before the database is asked whether another instance changed them, in milliseconds. */
const CACHE_LIFETIME = 30_000
/** The least time between two look-ups of unknown key ids, in milliseconds. */
const UNKNOWN_KEY_INTERVAL = 2000
/** How much longer than its tokens a pair is published, in milliseconds: for clock skew and the caches of instances. */
const EXPIRY_MARGIN = 60_000

/**
 * Opens the store of the key pairs that sign access tokens, and of the secret that signs refresh tokens. Missing ones are
 * created; of several instances that start at once, one creates them and all use them. All pairs are published and one
 * signs. The time from which the next pair signs is stored with it, so that every instance switches at that time.
 */
export async function createSigningKeys(db: Db, now: () => number = Date.now) {
  const keys = db.collection<KeyDocument>('keys')
  await keys.createIndexes([
    { key: { number: 1 }, unique: true, partialFilterExpression: { number: { $exists: true } } },
    { key: { expiresAt: 1 }, expireAfterSeconds: 0 },
  ])
  if (!(await keys.findOne({ use: 'pair' }))) await insertIfAbsent(keys, await generatePair(1, new Date(now())))
  if (!(await keys.findOne({ _id: 'refresh-tokens' }))) await insertIfAbsent(keys, generateSecret())

  let cache = { pairs: new Map<string, KeyPairDocument & { publicPem: string }>(), secret: Buffer.alloc(0), at: 0 }
  const readKeys = async (): Promise<typeof cache> => {
    const found = await keys.find({ use: { $in: ['pair', 'secret'] } }).toArray()
    const pairs = found.filter((key) => key.use === 'pair').toSorted((a, b) => b.number - a.number)
    const secret = found.find((key) => key.use === 'secret')!
    cache = {
      pairs: new Map(pairs.map((pair) => [pair._id, { ...pair, publicPem: toPem(pair.publicJwk) }])),
      secret: Buffer.from(secret.secret, 'base64url'),
      at: now(),
    }
    return cache
  }
  const readCached = async (maxAge = CACHE_LIFETIME): Promise<typeof cache> =>
    now() - cache.at < maxAge ? cache : readKeys()
  const { secret } = await readKeys()

  /** The highest number that a pair has had, revoked ones included: numbers are not used again. */
  const findLastNumber = async (): Promise<number> => {
    const [last] = await keys.find<{ number: number }>(numbered).sort({ number: -1 }).limit(1).toArray()
    return last?.number ?? 0
  }

  /** Sets when the pairs before the one that signs from `signsFrom` have no token left, and are removed. */
  const expirePairsBefore = async (number: number, signsFrom: Date, tokenLifetime: number): Promise<void> =>
    void (await retryWrite(() =>
      keys.updateMany(
        { use: 'pair', number: { $lt: number }, expiresAt: { $exists: false } },
        { $set: { expiresAt: new Date(signsFrom.getTime() + tokenLifetime + EXPIRY_MARGIN) } },
      ),
    ))

  const findPublicKey: FindPublicKey = async (kid) => {
    const known = cache.pairs.get(kid)
    try {
      const { pairs } = await readCached(known ? CACHE_LIFETIME : UNKNOWN_KEY_INTERVAL)
      return pairs.get(kid)?.publicPem
    } catch (error) {
      // While the database is unavailable, a cached key stays valid, as in the other services.
      if (known) return known.publicPem
      throw error
    }
  }

  return {
    /** Finds the public key of a token, like the JWKS client of the other services, without HTTP. */
    findPublicKey,

    /** The private key that signs now, as a PEM, and its id. */
    async findSigningKey(): Promise<{ kid: string; privatePem: string }> {
      const { pairs } = await readCached()
      const { _id: kid, privatePem } = selectSigningPair([...pairs.values()], now())
      return { kid, privatePem }
    },

    /** The ids of all keys that were ever revoked. From then on this instance neither signs with them nor accepts them. */
    async readRevokedKeys(): Promise<string[]> {
      const revoked = await keys.find({ use: 'revoked' }).project<{ _id: string }>({ _id: 1 }).toArray()
      // A key is read again at its next use, with the pair that signs instead.
      if (revoked.some(({ _id }) => cache.pairs.delete(_id))) cache.at = 0
      return revoked.map(({ _id }) => _id)
    },

    /** The state of all pairs, newest first, then of those that were revoked. */
    async list(): Promise<KeyState[]> {
      const pairs = [...(await readKeys()).pairs.values()]
      const { number } = selectSigningPair(pairs, now())
      const revoked = await keys.find<RevokedPairDocument>({ use: 'revoked' }).sort({ number: -1 }).toArray()
      const states: KeyState[] = pairs.map((pair) => ({
        kid: pair._id,
        state: pair.number > number ? 'next' : pair.number === number ? 'signing' : 'checking',
        signsFrom: pair.signsFrom,
        expiresAt: pair.expiresAt,
      }))
      return [
        ...states,
        ...revoked.map(
          ({ _id: kid, signsFrom, revokedAt }) => ({ kid, state: 'revoked', signsFrom, revokedAt }) as const,
        ),
      ]
    },

    /**
     * Adds a pair that is published at once and signs in `lead` milliseconds. Earlier pairs stay published until their last
     * token has expired, and are then removed by a TTL index. A rotation that ended halfway is completed by the next one.
     *
     * @param tokenLifetime the longest lifetime of an access token, in milliseconds
     * @returns the id of the new key
     * @throws Error with a sentence when a next pair exists already.
     */
    async rotate(lead: number, tokenLifetime: number): Promise<string> {
      const [newest] = [...(await readKeys()).pairs.values()]
      const signsFrom = new Date(now() + lead)
      const alreadyPublished = (from: Date) =>
        new Error(`The next key is published already: it signs from ${from.toISOString()}.`)
      await expirePairsBefore(newest!.number, newest!.signsFrom, tokenLifetime)
      if (newest!.signsFrom.getTime() > now()) throw alreadyPublished(newest!.signsFrom)
      const next = await generatePair((await findLastNumber()) + 1, signsFrom)
      if (!(await insertIfAbsent(keys, next))) throw alreadyPublished(signsFrom)
      await expirePairsBefore(next.number, signsFrom, tokenLifetime)
      return next._id
    },

    /**
     * Revokes a pair at once: its keys are deleted, and every service learns its id within 5 s, from the list of
     * revocations. When it is the one that signs, the next one signs instead, or else a new one. It may be repeated.
     *
     * @param tokenLifetime the longest lifetime of an access token, in milliseconds
     * @throws Error with a sentence when there is no such key.
     */
    async revoke(kid: string, tokenLifetime: number): Promise<void> {
      const pairs = [...(await readKeys()).pairs.values()]
      const revoked = pairs.find(({ _id }) => _id === kid)
      if (!revoked) {
        if (await keys.findOne({ _id: kid, use: 'revoked' })) return
        throw new Error(`There is no key ${kid}: "keys list" shows all.`)
      }
      // The successor signs before the key is revoked: at no moment is there none that signs.
      if (revoked === selectSigningPair(pairs, now())) {
        const at = new Date(now())
        const next = pairs.find(({ number }) => number > revoked.number)
        const successor = next ?? (await generatePair((await findLastNumber()) + 1, at))
        if (next) await keys.updateOne({ _id: next._id, use: 'pair' }, { $set: { signsFrom: at } })
        // A number that is taken is that of a rotation or another revocation at this moment: the next attempt sees its pair.
        else if (!(await insertIfAbsent(keys, successor))) return this.revoke(kid, tokenLifetime)
        await expirePairsBefore(successor.number, at, tokenLifetime)
      }
      await keys.updateOne(
        { _id: kid, use: 'pair' },
        {
          $set: { use: 'revoked', revokedAt: new Date(now()) },
          $unset: { privatePem: 1, publicJwk: 1, expiresAt: 1 },
        },
      )
      await readKeys()
    },

    /** All public keys by which access tokens may be verified. */
    async listPublicKeys(): Promise<PublicKey[]> {
      const { pairs } = await readCached()
      return [...pairs.values()].map(({ _id: kid, publicJwk: { kty, crv, x, y } }) => ({
        ...({ kid, kty, crv, x, y } as Pick<PublicKey, 'kid' | 'kty' | 'crv' | 'x' | 'y'>),
        alg: 'ES256',
        use: 'sig',
      }))
    },

    /** The secret that signs refresh tokens. It never changes. */
    refreshSecret: secret,
  }
}

const numbered = { number: { $exists: true } } as const

const selectSigningPair = <P extends KeyPairDocument>(newestFirst: readonly P[], at: number): P =>
  newestFirst.find(({ signsFrom }) => signsFrom.getTime() <= at) ?? newestFirst.at(-1)!

/** Inserts a key. False when another instance has inserted one with its number or id: then that one is used. */
async function insertIfAbsent(keys: Collection<KeyDocument>, key: KeyPairDocument | SecretDocument): Promise<boolean> {
  try {
    await keys.insertOne(key)
    return true
  } catch (error) {
    if (!isDuplicateKeyError(error)) throw error
    return false
  }
}

async function generatePair(number: number, signsFrom: Date): Promise<KeyPairDocument> {
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

const generateSecret = (): SecretDocument => ({
  _id: 'refresh-tokens',
  use: 'secret',
  secret: randomBytes(32).toString('base64url'),
  createdAt: new Date(),
})

const toPem = (key: JWK): string =>
  createPublicKey({ key: { ...key }, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
