import type { Attack, Verdict } from './attack.ts'
import { sendRest } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'

const title = (name: string) => ({ category: 'browsers', name, endpoint: 'gateway' })
const EVIL = 'https://evil.example'

/** Sends a POST with the victim’s session cookie and the headers of a browser on some page. Returns the outcome. */
async function sendWithCookie(
  { shop, victim }: AttackFixtures,
  path: string,
  headers: Record<string, string>,
): Promise<string> {
  const body = { email: victim.email, password: victim.password, cookie: true }
  const session = await sendRest(shop.gateway, { method: 'POST', path: '/api/login', body })
  const cookie = session.headers.get('set-cookie')?.split(';')[0] ?? ''
  if (cookie === '') throw new Error(`The sign-in set no cookie: ${session.text}`)
  return (await sendRest(shop.gateway, { method: 'POST', path, headers: { cookie, ...headers } })).outcome
}

/** The headers of a browser on a page that is not the shop’s. */
const pages: Record<string, Record<string, string>> = {
  'another site': { origin: EVIL },
  'a page without an origin': {},
  'a sandboxed frame': { origin: 'null' },
  'another site with forged forwarding headers': {
    origin: EVIL,
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
  },
  'a form of another site': { origin: EVIL, 'content-type': 'text/plain' },
}

export const browserAttacks = (_ground: AttackFixtures): Attack[] => [
  ...Object.entries(pages).flatMap(([page, headers]) =>
    ['/api/refresh', '/api/logout'].map((path) => ({
      ...title(`${path} with the session cookie, sent by ${page}`),
      expected: 'FORBIDDEN or UNSUPPORTED_MEDIA_TYPE',
      run: async (fixtures: AttackFixtures): Promise<Verdict> => {
        const observed = await sendWithCookie(fixtures, path, headers)
        return { rejected: ['FORBIDDEN', 'UNSUPPORTED_MEDIA_TYPE'].includes(observed), observed }
      },
    })),
  ),
  ...['text/plain', 'application/x-www-form-urlencoded'].map((type) => ({
    ...title(`an order sent by a form as ${type}`),
    expected: 'UNSUPPORTED_MEDIA_TYPE',
    run: async ({ shop, attacker, product }: AttackFixtures): Promise<Verdict> => {
      const body = JSON.stringify({ items: [{ productId: product, quantity: 1 }] })
      const headers = { ...attacker.headers, 'content-type': type }
      const { outcome } = await sendRest(shop.gateway, { method: 'POST', path: '/api/orders', body, headers })
      return { rejected: outcome === 'UNSUPPORTED_MEDIA_TYPE', observed: outcome }
    },
  })),
  ...['/api/products', '/graphql?query={__typename}', '/api/me'].flatMap((path) =>
    ['GET', 'OPTIONS'].map((method) => ({
      ...title(`${method} ${path} sent by a script of another site`),
      expected: 'no access-control-allow-origin',
      run: async ({ shop }: AttackFixtures): Promise<Verdict> => {
        const headers = { origin: EVIL, 'access-control-request-method': 'POST' }
        const response = await sendRest(shop.gateway, { method, path, headers })
        const allowed = response.headers.get('access-control-allow-origin')
        return { rejected: allowed === null, observed: allowed ?? `HTTP ${response.status}, not readable` }
      },
    })),
  ),
  ...['/', '/developers', '/graphiql', '/docs/auth/'].map((path) => ({
    ...title(`${path} in a frame of another site`),
    expected: 'framing denied',
    run: async ({ shop }: AttackFixtures): Promise<Verdict> => {
      const { headers, status } = await sendRest(shop.gateway, { path })
      const policy = headers.get('content-security-policy') ?? ''
      const rejected =
        /frame-ancestors 'none'/.test(policy) || headers.get('x-frame-options') === 'DENY' || status === 404
      return { rejected, observed: policy === '' ? `HTTP ${status}, no policy` : 'a content security policy' }
    },
  })),
  {
    ...title('access to the session cookie by scripts and other sites'),
    expected: 'HttpOnly, Secure, SameSite=Strict',
    run: async ({ shop, victim }) => {
      const body = { email: victim.email, password: victim.password, cookie: true }
      const { headers, text } = await sendRest(shop.gateway, { method: 'POST', path: '/api/login', body })
      const cookie = headers.get('set-cookie') ?? ''
      const isProtected = [/; HttpOnly/i, /; Secure/i, /; SameSite=Strict/i].every((flag) => flag.test(cookie))
      return { rejected: isProtected && !text.includes('refreshToken'), observed: cookie.replace(/=[^;]*/, '=…') }
    },
  },
]
