import type { ErrorCode } from '@halles/errors/app-error'
import { attackRest, restTargets, type Attack } from './attack.ts'
import { sendRest } from '../clients.ts'
import { services } from '../endpoints/endpoints.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { sendRaw } from '../raw-socket.ts'

const title = (name: string) => ({ category: 'headers', name })

/** A request smuggled in the body of another. */
const smuggledRequest = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'

/** Headers with which two servers could disagree about the end of the request (request smuggling). */
const ambiguous: Record<string, string> = {
  'Content-Length before Transfer-Encoding (CL.TE)': `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggledRequest}`,
  'Transfer-Encoding before Content-Length (TE.CL)': `Transfer-Encoding: chunked\r\nContent-Length: ${smuggledRequest.length + 5}\r\n\r\n0\r\n\r\n${smuggledRequest}`,
  'two Content-Length headers': `Content-Length: 2\r\nContent-Length: ${smuggledRequest.length + 2}\r\n\r\n{}${smuggledRequest}`,
  'two lengths in one Content-Length': `Content-Length: 2, ${smuggledRequest.length}\r\n\r\n{}${smuggledRequest}`,
  'a Content-Length with a plus sign': `Content-Length: +2\r\n\r\n{}${smuggledRequest}`,
  'a negative Content-Length': `Content-Length: -1\r\n\r\n{}${smuggledRequest}`,
  'a space before the colon': `Content-Length : ${smuggledRequest.length}\r\n\r\n${smuggledRequest}`,
  'an unknown Transfer-Encoding': `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggledRequest}`,
  'Transfer-Encoding chunked, identity': `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggledRequest}`,
  'a chunk size with 0x': `Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${smuggledRequest}`,
  'a chunk size beyond 64 bits': `Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n${smuggledRequest}`,
  'folded headers': `X-Long: a\r\n Content-Length: 0\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n\r\n{}${smuggledRequest}`,
  'a NUL in a header name': `X-\0a: b\r\nContent-Length: 0\r\n\r\n${smuggledRequest}`,
  'a bare line feed in a header value': `X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}${smuggledRequest}`,
}

/** Invalid HTTP requests, with the expected status and error code. */
const invalidRequests: Record<string, [bytes: string, status: number, code: ErrorCode]> = {
  'an unknown method': ['FETCH / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'VALIDATION_FAILED'],
  'no Host header': ['GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'VALIDATION_FAILED'],
  'a TLS handshake': ['\x16\x03\x01\x02\x00\x01\x00\x01', 400, 'VALIDATION_FAILED'],
  'a URL of 20 KB': [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, 'PAYLOAD_TOO_LARGE'],
  'headers of 200 KB': [
    `GET / HTTP/1.1\r\nHost: x\r\n${`A: ${'x'.repeat(996)}\r\n`.repeat(200)}\r\n`,
    431,
    'PAYLOAD_TOO_LARGE',
  ],
  'a URL with an invalid escape': [
    'GET /%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    400,
    'VALIDATION_FAILED',
  ],
}

/** Headers that some servers trust to identify the user, the client address or the URL. */
const trustedHeaders: Record<string, string> = {
  'x-user-id': 'admin',
  'x-user-role': 'admin',
  'x-forwarded-user': 'admin',
  'x-authenticated-user': 'admin',
  'x-gateway-secret': 'only-for-trying-things-out',
  'x-peer-secret': 'only-for-trying-things-out',
  'x-forwarded-for': '127.0.0.1',
  forwarded: 'for=127.0.0.1',
  'x-original-url': '/healthz',
  'x-rewrite-url': '/healthz',
}

export const headerAttacks = (fixtures: AttackFixtures): Attack[] => [
  ...rawTargets(fixtures).flatMap((target) =>
    Object.entries(ambiguous).map(([name, rest]) => smuggle(target, name, rest)),
  ),
  ...rawTargets(fixtures).flatMap((target) => Object.keys(invalidRequests).map((name) => sendInvalid(target, name))),
  ...Object.entries(trustedHeaders).flatMap(([name, value]) =>
    attackRest(
      restTargets('auth', fixtures),
      title(`a trusted header, ${name}`),
      () => ({ path: '/me', headers: { [name]: value } }),
      'UNAUTHENTICATED',
    ),
  ),
  ...attackRest(
    restTargets('product', fixtures),
    title('a method override header'),
    ({ product, admin }) => ({
      method: 'POST',
      path: `/products/${product}`,
      headers: { ...admin.headers, 'x-http-method-override': 'DELETE' },
    }),
    'NOT_FOUND',
  ),
  ...attackRest(
    restTargets('product', fixtures),
    title('PROPFIND'),
    () => ({ method: 'PROPFIND', path: '/products' }),
    'NOT_FOUND',
    'HTTP 405',
  ),
  splitResponse(fixtures),
  injectHost,
  ...['//evil.example/%2e%2e', '/%5cevil.example', '//evil.example/docs/auth', '/docs/auth'].map(redirect),
]

type RawTarget = { endpoint: string; url: string }

const rawTargets = ({ shop }: AttackFixtures): RawTarget[] => [
  { endpoint: 'gateway', url: `${shop.gateway}/api/logout` },
  { endpoint: 'gateway graphql', url: `${shop.gateway}/graphql` },
  ...(shop.services
    ? services.map((service) => ({ endpoint: service, url: `${shop.services![service]}/graphql` }))
    : []),
]

/** The shop must respond to one request only. A response to the smuggled one is recognized by the body of /healthz. */
const smuggle = ({ endpoint, url }: RawTarget, name: string, rest: string): Attack => ({
  ...title(`request smuggling by ${name}`),
  endpoint,
  expected: 'rejected, without a response to the smuggled request',
  run: async () => {
    const { host, pathname } = new URL(url)
    const head = `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`
    const { text, statuses } = await sendRaw(url, head + rest, { timeout: 1500 })
    const isSmuggled = text.includes('"status":"ok"')
    return {
      rejected: !isSmuggled && (statuses[0] ?? 400) >= 400,
      observed: `HTTP ${statuses.join(' ') || 'no response'}`,
    }
  },
})

const sendInvalid = ({ endpoint, url }: RawTarget, name: string): Attack => {
  const [bytes, status, code] = invalidRequests[name]!
  return {
    ...title(`an invalid request: ${name}`),
    endpoint,
    expected: `${code}, HTTP ${status}`,
    run: async () => {
      const { text, statuses } = await sendRaw(url, bytes, { timeout: 10_000 })
      const isProblem = /^content-type: application\/problem\+json/im.test(text) && text.includes(`"code":"${code}"`)
      return {
        rejected: isProblem && statuses.join() === String(status),
        observed: `HTTP ${statuses.join(' ') || 'no response'}`,
      }
    },
  }
}

const splitResponse = ({ product }: AttackFixtures): Attack => ({
  ...title('response splitting by a URL'),
  endpoint: 'gateway',
  expected: 'no injected header in the response',
  run: async ({ shop }) => {
    const response = await sendRest(shop.gateway, { path: `/docs/auth/${product}%0d%0aSet-Cookie:%20evil=1%0d%0a` })
    const cookie = response.headers.get('set-cookie')
    return { rejected: cookie === null, observed: cookie ?? `HTTP ${response.status}` }
  },
})

const injectHost: Attack = {
  ...title('markup in the Host header'),
  endpoint: 'gateway',
  expected: 'no markup in the page',
  run: async ({ shop }) => {
    const request = 'GET / HTTP/1.1\r\nHost: x"><script>alert(1)</script>\r\nConnection: close\r\n\r\n'
    const { text, statuses } = await sendRaw(shop.gateway, request)
    return { rejected: !text.includes('<script>alert(1)'), observed: `HTTP ${statuses.join(' ')}` }
  },
}

const redirect = (path: string): Attack => ({
  ...title(`an open redirect by ${path}`),
  endpoint: 'gateway',
  expected: 'no redirect to another site',
  run: async ({ shop }) => {
    const request = `GET ${path} HTTP/1.1\r\nHost: ${new URL(shop.gateway).host}\r\nConnection: close\r\n\r\n`
    const { text, statuses } = await sendRaw(shop.gateway, request)
    const location = /^location: (.*)$/im.exec(text)?.[1]?.trim() ?? ''
    const origin = URL.canParse(location, shop.gateway) ? new URL(location, shop.gateway).origin : 'an invalid URL'
    return {
      rejected: origin === new URL(shop.gateway).origin,
      observed: `HTTP ${statuses.join(' ')} ${location}`.trim(),
    }
  },
})
