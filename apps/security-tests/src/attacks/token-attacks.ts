import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { decodeProtectedHeader, exportJWK, SignJWT, type JWK } from 'jose'
import { attackGraphql, attackRest, graphqlTargets, type Attack, type Target } from './attack.ts'
import { parseJson, sendRest } from '../clients.ts'
import type { TokenChanges } from '../fixtures/token-forge.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { bearer } from '../fixtures/users.ts'

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const split = (token: string): [string, string, string] => token.split('.') as [string, string, string]

/** Changes the header, the claims or the signature of a token; the signature then no longer matches. */
const tamper = (
  token: string,
  { header = {}, claims = {}, signature }: { header?: object; claims?: object; signature?: string },
): string => {
  const [head, body, signed] = split(token)
  const decode = (part: string): object => JSON.parse(Buffer.from(part, 'base64url').toString()) as object
  return [encode({ ...decode(head), ...header }), encode({ ...decode(body), ...claims }), signature ?? signed].join('.')
}

const fetchPublicKey = async ({ shop }: AttackFixtures): Promise<JWK> =>
  parseJson((await sendRest(shop.gateway, { path: '/api/.well-known/jwks.json' })).text).keys[0] as JWK

/** Algorithm confusion: a token signed by HMAC with the public key as the secret. */
const signByHmac = async (fixtures: AttackFixtures, form: 'pem' | 'json'): Promise<string> => {
  const jwk = await fetchPublicKey(fixtures)
  const pem = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const secret = form === 'json' ? JSON.stringify(jwk) : pem
  const unsigned = tamper(fixtures.victim.token, { header: { alg: 'HS256' }, claims: { role: 'admin' } })
  const [head, body] = split(unsigned)
  return `${head}.${body}.${createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')}`
}

/** A token signed by a key of the attacker, with a header that refers to that key. */
const signByOwnKey = async ({ victim }: AttackFixtures, header: (jwk: JWK) => object): Promise<string> => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const claims = JSON.parse(Buffer.from(split(victim.token)[1], 'base64url').toString()) as object
  const protectedHeader = { ...decodeProtectedHeader(victim.token), ...header(await exportJWK(publicKey)) }
  return new SignJWT({ ...claims, role: 'admin' })
    .setProtectedHeader(protectedHeader as { alg: string })
    .sign(privateKey)
}

/** Tokens that no endpoint may accept. */
const tokens: Record<string, (fixtures: AttackFixtures) => string | Promise<string>> = {
  'alg none': ({ victim }) =>
    tamper(victim.token, { header: { alg: 'none' }, claims: { role: 'admin' }, signature: '' }),
  'alg nOnE': ({ victim }) => tamper(victim.token, { header: { alg: 'nOnE' }, signature: '' }),
  'HS256 with the public key as PEM': (fixtures) => signByHmac(fixtures, 'pem'),
  'HS256 with the public key as JSON': (fixtures) => signByHmac(fixtures, 'json'),
  'changed claims under an unchanged signature': ({ victim }) => tamper(victim.token, { claims: { role: 'admin' } }),
  'a signature of zeros': ({ victim }) =>
    tamper(victim.token, { signature: Buffer.alloc(64).toString('base64url'), claims: { role: 'admin' } }),
  'no signature': ({ victim }) => tamper(victim.token, { signature: '' }),
  'a path as kid': ({ victim }) => tamper(victim.token, { header: { kid: '../../../../dev/null' } }),
  'a MongoDB query as kid': ({ victim }) => tamper(victim.token, { header: { kid: { $ne: null } } }),
  '__proto__ as kid': ({ victim }) => tamper(victim.token, { header: { kid: '__proto__' } }),
  'an unknown kid': ({ victim }) => tamper(victim.token, { header: { kid: 'unknown' } }),
  'no kid': (fixtures) => signByOwnKey(fixtures, () => ({ kid: undefined })),
  'the attacker’s key under the shop’s kid': (fixtures) => signByOwnKey(fixtures, () => ({})),
  'the attacker’s key in jwk': (fixtures) => signByOwnKey(fixtures, (jwk) => ({ jwk })),
  'the attacker’s key at jku': (fixtures) =>
    signByOwnKey(fixtures, () => ({ jku: 'http://127.0.0.1:9/jwks.json', kid: 'x' })),
  'a refresh token': ({ victim }) => victim.refreshToken,
  'two tokens': ({ victim }) => `${victim.token}, Bearer ${victim.token}`,
  'an empty token': () => '',
  '6 KB of nonsense': () => `${'A'.repeat(6000)}.${'A'.repeat(100)}.A`,
}

/** Tokens signed by the shop’s own key with one invalid claim or header. */
const forgedTokens: Record<string, Omit<TokenChanges, 'token'>> = {
  'that has expired': { expiredFor: 1 },
  'of another issuer': { claims: { iss: 'https://evil.example' } },
  'for another audience': { claims: { aud: 'elsewhere' } },
  'of another type': { header: { typ: 'JWT' } },
  'that is not valid yet': { claims: { nbf: Math.floor(Date.now() / 1000) + 3600 } },
  'without an expiry': { claims: { exp: undefined } },
  'with an unknown role': { claims: { role: 'root' } },
}

/** A route of the gateway and of each service that verifies tokens. */
const authenticatedTargets = ({ shop }: AttackFixtures): Target[] => [
  { endpoint: 'gateway', baseUrl: () => `${shop.gateway}/api/me` },
  ...(shop.services
    ? (
        [
          ['auth', '/me'],
          ['product', '/products?first=1'],
          ['order', '/orders'],
          ['notification', '/notifications'],
        ] as const
      ).map(([service, path]) => ({ endpoint: service as string, baseUrl: () => shop.services![service] + path }))
    : []),
]

/** Invalid tokens at every endpoint. Each must be rejected, and not be treated as a request without a token. */
export const tokenAttacks = (fixtures: AttackFixtures): Attack[] => [
  ...Object.entries(tokens).flatMap(([name, token]) => sendToken(fixtures, name, token)),
  ...(fixtures.forgeToken
    ? Object.entries(forgedTokens).flatMap(([name, changes]) =>
        sendToken(fixtures, `a token ${name}`, ({ victim, forgeToken }) =>
          forgeToken!({ token: victim.token, ...changes }),
        ),
      )
    : []),
  ...attackRest(
    authenticatedTargets(fixtures).slice(0, 2),
    { category: 'tokens', name: 'a token in the URL' },
    ({ victim }) => ({ path: `?access_token=${victim.token}` }),
    'UNAUTHENTICATED',
    'VALIDATION_FAILED',
  ),
  ...attackRest(
    authenticatedTargets(fixtures).slice(0, 2),
    { category: 'tokens', name: 'a token in a cookie' },
    ({ victim }) => ({ path: '', headers: { cookie: `token=${victim.token}; access_token=${victim.token}` } }),
    'UNAUTHENTICATED',
  ),
]

const sendToken = (
  fixtures: AttackFixtures,
  name: string,
  token: (fixtures: AttackFixtures) => string | Promise<string>,
): Attack[] => [
  ...attackRest(
    authenticatedTargets(fixtures),
    { category: 'tokens', name },
    async (fixtures) => ({ path: '', headers: bearer(await token(fixtures)) }),
    'UNAUTHENTICATED',
  ),
  ...attackGraphql(
    graphqlTargets(fixtures),
    { category: 'tokens', name },
    async (fixtures) => ({ query: '{ __typename }', headers: bearer(await token(fixtures)) }),
    'UNAUTHENTICATED',
  ),
]
