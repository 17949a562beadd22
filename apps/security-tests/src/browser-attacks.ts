import type { Attack, Verdict } from './attack.ts'
import { askRest } from './ask.ts'
import type { Ground } from './ground.ts'

const about = (what: string) => ({ class: 'browsers', what, door: 'gateway' })
const EVIL = 'https://evil.example'

/** Asks as a browser with the victim’s cookie would, sent by a page of this origin. */
async function withCookie({ place, victim }: Ground, path: string, headers: Record<string, string>): Promise<string> {
  const body = { email: victim.email, password: victim.password, cookie: true }
  const signed = await askRest(place.gateway, { method: 'POST', path: '/api/login', body })
  const cookie = signed.headers.get('set-cookie')?.split(';')[0] ?? ''
  if (cookie === '') throw new Error(`no cookie came: ${signed.text}`)
  return (await askRest(place.gateway, { method: 'POST', path, headers: { cookie, ...headers } })).outcome
}

const pages: Record<string, Record<string, string>> = {
  'another site': { origin: EVIL },
  'no one knows where': {},
  'a sandbox': { origin: 'null' },
  'another site, as if it were ours': {
    origin: EVIL,
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
  },
  'another site, by a form': { origin: EVIL, 'content-type': 'text/plain' },
}

export const browserAttacks = (_ground: Ground): Attack[] => [
  ...Object.entries(pages).flatMap(([page, headers]) =>
    ['/api/refresh', '/api/logout'].map((path) => ({
      ...about(`${path} with the cookie, sent by ${page}`),
      right: 'FORBIDDEN or UNSUPPORTED_MEDIA_TYPE',
      try: async (ground: Ground): Promise<Verdict> => {
        const saw = await withCookie(ground, path, headers)
        return { refused: ['FORBIDDEN', 'UNSUPPORTED_MEDIA_TYPE'].includes(saw), saw }
      },
    })),
  ),
  ...['text/plain', 'application/x-www-form-urlencoded'].map((type) => ({
    ...about(`an order by a form, as ${type}`),
    right: 'UNSUPPORTED_MEDIA_TYPE',
    try: async ({ place, mallory, product }: Ground): Promise<Verdict> => {
      const body = JSON.stringify({ items: [{ productId: product, quantity: 1 }] })
      const headers = { ...mallory.headers, 'content-type': type }
      const { outcome } = await askRest(place.gateway, { method: 'POST', path: '/api/orders', body, headers })
      return { refused: outcome === 'UNSUPPORTED_MEDIA_TYPE', saw: outcome }
    },
  })),
  ...['/api/products', '/graphql?query={__typename}', '/api/me'].flatMap((path) =>
    ['GET', 'OPTIONS'].map((method) => ({
      ...about(`${method} ${path} by a script of another site`),
      right: 'no leave to read it',
      try: async ({ place }: Ground): Promise<Verdict> => {
        const headers = { origin: EVIL, 'access-control-request-method': 'POST' }
        const answer = await askRest(place.gateway, { method, path, headers })
        const allowed = answer.headers.get('access-control-allow-origin')
        return { refused: allowed === null, saw: allowed ?? `HTTP ${answer.status}, no leave` }
      },
    })),
  ),
  ...['/', '/graphiql', '/docs/auth/'].map((path) => ({
    ...about(`${path} in a frame`),
    right: 'no frame',
    try: async ({ place }: Ground): Promise<Verdict> => {
      const { headers, status } = await askRest(place.gateway, { path })
      const policy = headers.get('content-security-policy') ?? ''
      const refused =
        /frame-ancestors 'none'/.test(policy) || headers.get('x-frame-options') === 'DENY' || status === 404
      return { refused, saw: policy === '' ? `HTTP ${status}, no policy` : 'a policy' }
    },
  })),
  {
    ...about('the cookie, to be read or sent along'),
    right: 'HttpOnly, Secure, SameSite=Strict',
    try: async ({ place, victim }) => {
      const body = { email: victim.email, password: victim.password, cookie: true }
      const { headers, text } = await askRest(place.gateway, { method: 'POST', path: '/api/login', body })
      const cookie = headers.get('set-cookie') ?? ''
      const kept = [/; HttpOnly/i, /; Secure/i, /; SameSite=Strict/i].every((flag) => flag.test(cookie))
      return { refused: kept && !text.includes('refreshToken'), saw: cookie.replace(/=[^;]*/, '=…') }
    },
  },
]
