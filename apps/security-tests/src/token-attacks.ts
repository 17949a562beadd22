import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { decodeProtectedHeader, exportJWK, SignJWT, type JWK } from 'jose'
import { atGraphql, atRest, graphqlDoors, type Attack } from './attack.ts'
import { askRest, parsed } from './ask.ts'
import type { Forging } from './forge.ts'
import type { Ground } from './ground.ts'
import { bearer } from './people.ts'

const json = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const parts = (token: string): [string, string, string] => token.split('.') as [string, string, string]

/** The victim’s token with another header or other claims, and whatever signature. */
const altered = (
  token: string,
  { header = {}, claims = {}, signature }: { header?: object; claims?: object; signature?: string },
): string => {
  const [head, body, signed] = parts(token)
  const read = (part: string): object => JSON.parse(Buffer.from(part, 'base64url').toString()) as object
  return [json({ ...read(head), ...header }), json({ ...read(body), ...claims }), signature ?? signed].join('.')
}

const publicJwk = async ({ place }: Ground): Promise<JWK> =>
  parsed((await askRest(place.gateway, { path: '/api/.well-known/jwks.json' })).text).keys[0] as JWK

/** Signed by HMAC under what everybody knows: the public key in some form. */
const byHmac = async (ground: Ground, form: 'pem' | 'json'): Promise<string> => {
  const jwk = await publicJwk(ground)
  const pem = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const secret = form === 'json' ? JSON.stringify(jwk) : pem
  const unsigned = altered(ground.victim.token, { header: { alg: 'HS256' }, claims: { role: 'admin' } })
  const [head, body] = parts(unsigned)
  return `${head}.${body}.${createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')}`
}

/** Signed by a key of the attacker’s own, which the header brings along. */
const byOwnKey = async ({ victim }: Ground, header: (jwk: JWK) => object): Promise<string> => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const claims = JSON.parse(Buffer.from(parts(victim.token)[1], 'base64url').toString()) as object
  const given = { ...decodeProtectedHeader(victim.token), ...header(await exportJWK(publicKey)) }
  return new SignJWT({ ...claims, role: 'admin' }).setProtectedHeader(given as { alg: string }).sign(privateKey)
}

/** Tokens that no door may take. */
const tokens: Record<string, (ground: Ground) => string | Promise<string>> = {
  'alg none': ({ victim }) =>
    altered(victim.token, { header: { alg: 'none' }, claims: { role: 'admin' }, signature: '' }),
  'alg nOnE': ({ victim }) => altered(victim.token, { header: { alg: 'nOnE' }, signature: '' }),
  'HS256 with the public key as PEM': (ground) => byHmac(ground, 'pem'),
  'HS256 with the public key as JSON': (ground) => byHmac(ground, 'json'),
  'claims changed under a good signature': ({ victim }) => altered(victim.token, { claims: { role: 'admin' } }),
  'a signature of zeros': ({ victim }) =>
    altered(victim.token, { signature: Buffer.alloc(64).toString('base64url'), claims: { role: 'admin' } }),
  'no signature': ({ victim }) => altered(victim.token, { signature: '' }),
  'a kid that is a path': ({ victim }) => altered(victim.token, { header: { kid: '../../../../dev/null' } }),
  'a kid that is a query': ({ victim }) => altered(victim.token, { header: { kid: { $ne: null } } }),
  'a kid of the prototype': ({ victim }) => altered(victim.token, { header: { kid: '__proto__' } }),
  'a kid that no one knows': ({ victim }) => altered(victim.token, { header: { kid: 'unknown' } }),
  'no kid': (ground) => byOwnKey(ground, () => ({ kid: undefined })),
  'a key of its own under our kid': (ground) => byOwnKey(ground, () => ({})),
  'a key of its own in jwk': (ground) => byOwnKey(ground, (jwk) => ({ jwk })),
  'a key of its own at jku': (ground) => byOwnKey(ground, () => ({ jku: 'http://127.0.0.1:9/jwks.json', kid: 'x' })),
  'a refresh token': ({ victim }) => victim.refreshToken,
  'two tokens': ({ victim }) => `${victim.token}, Bearer ${victim.token}`,
  'nothing at all': () => '',
  'a megabyte less than nothing': () => `${'A'.repeat(6000)}.${'A'.repeat(100)}.A`,
}

/** Signed by the right key, and wrong in one thing. */
const forged: Record<string, Omit<Forging, 'claims'>> = {
  'that has ended': { endedFor: 1 },
  'of another issuer': { more: { iss: 'https://evil.example' } },
  'for another audience': { more: { aud: 'elsewhere' } },
  'of another kind': { header: { typ: 'JWT' } },
  'that is not good yet': { more: { nbf: Math.floor(Date.now() / 1000) + 3600 } },
  'without an end': { more: { exp: undefined } },
  'with a role that there is none': { more: { role: 'root' } },
}

/** A route of each service at which a token is looked at, and one of the gateway’s. */
const looking = ({ place }: Ground) => [
  { door: 'gateway', base: () => `${place.gateway}/api/me` },
  ...(place.services
    ? (
        [
          ['auth', '/me'],
          ['product', '/products?first=1'],
          ['order', '/orders'],
          ['notification', '/notifications'],
        ] as const
      ).map(([service, path]) => ({ door: service as string, base: () => place.services![service] + path }))
    : []),
]

/** Tokens that are not good, at every door: none is taken for one, and none for no token at all. */
export const tokenAttacks = (ground: Ground): Attack[] => [
  ...Object.entries(tokens).flatMap(([what, token]) => withToken(ground, what, token)),
  ...(ground.forge
    ? Object.entries(forged).flatMap(([what, forging]) =>
        withToken(ground, `a token ${what}`, ({ victim, forge }) => forge!({ claims: victim.token, ...forging })),
      )
    : []),
  ...atRest(
    looking(ground).slice(0, 2),
    { class: 'tokens', what: 'a token in the address' },
    ({ victim }) => ({ path: `?access_token=${victim.token}` }),
    'UNAUTHENTICATED',
    'VALIDATION_FAILED',
  ),
  ...atRest(
    looking(ground).slice(0, 2),
    { class: 'tokens', what: 'a token in a cookie' },
    ({ victim }) => ({ path: '', headers: { cookie: `token=${victim.token}; access_token=${victim.token}` } }),
    'UNAUTHENTICATED',
  ),
]

const withToken = (ground: Ground, what: string, token: (ground: Ground) => string | Promise<string>): Attack[] => [
  ...atRest(
    looking(ground),
    { class: 'tokens', what },
    async (ground) => ({ path: '', headers: bearer(await token(ground)) }),
    'UNAUTHENTICATED',
  ),
  ...atGraphql(
    graphqlDoors(ground),
    { class: 'tokens', what },
    async (ground) => ({ query: '{ __typename }', headers: bearer(await token(ground)) }),
    'UNAUTHENTICATED',
  ),
]
