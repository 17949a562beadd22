import type { Code } from '@halles/service/refusal'
import { atRest, restDoors, type Attack } from './attack.ts'
import { askRest } from './ask.ts'
import { services } from './doors.ts'
import type { Ground } from './ground.ts'
import { say } from './raw.ts'

const about = (what: string) => ({ class: 'headers', what })

/** A request that hides in another. */
const hidden = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'

/** Requests whose end two readers could see at two places; `HOST` stands for the real one. */
const ambiguous: Record<string, string> = {
  'a length and chunks (CL.TE)': `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'chunks and a length (TE.CL)': `Transfer-Encoding: chunked\r\nContent-Length: ${hidden.length + 5}\r\n\r\n0\r\n\r\n${hidden}`,
  'two lengths': `Content-Length: 2\r\nContent-Length: ${hidden.length + 2}\r\n\r\n{}${hidden}`,
  'two lengths in one': `Content-Length: 2, ${hidden.length}\r\n\r\n{}${hidden}`,
  'a length with a sign': `Content-Length: +2\r\n\r\n{}${hidden}`,
  'a length below nothing': `Content-Length: -1\r\n\r\n{}${hidden}`,
  'a blank before the colon': `Content-Length : ${hidden.length}\r\n\r\n${hidden}`,
  'chunks by another name': `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
  'chunks and more': `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
  'a chunk of a strange size': `Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${hidden}`,
  'a size beyond numbers': `Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n${hidden}`,
  'a folded length': `X-Long: a\r\n Content-Length: 0\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n\r\n{}${hidden}`,
  'a name with a NUL': `X-\0a: b\r\nContent-Length: 0\r\n\r\n${hidden}`,
  'a bare line feed in a value': `X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}${hidden}`,
}

/** What is no request, and the code by which that is told. */
const broken: Record<string, [bytes: string, status: number, code: Code]> = {
  'a method that there is none of': ['FETCH / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'VALIDATION_FAILED'],
  'no host': ['GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'VALIDATION_FAILED'],
  'a greeting by TLS': ['\x16\x03\x01\x02\x00\x01\x00\x01', 400, 'VALIDATION_FAILED'],
  'an address of 20 KB': [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, 'PAYLOAD_TOO_LARGE'],
  'headers of 200 KB': [
    `GET / HTTP/1.1\r\nHost: x\r\n${`A: ${'x'.repeat(996)}\r\n`.repeat(200)}\r\n`,
    431,
    'PAYLOAD_TOO_LARGE',
  ],
  'an address that cannot be decoded': [
    'GET /%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    400,
    'VALIDATION_FAILED',
  ],
}

/** Headers by which other software believes who asks or what is asked. */
const believed: Record<string, string> = {
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

export const headerAttacks = (ground: Ground): Attack[] => [
  ...doorsOf(ground).flatMap((door) => Object.entries(ambiguous).map(([what, rest]) => smuggled(door, what, rest))),
  ...doorsOf(ground).flatMap((door) => Object.keys(broken).map((what) => spoilt(door, what))),
  ...Object.entries(believed).flatMap(([name, value]) =>
    atRest(
      restDoors('auth', ground),
      about(`a believed header, ${name}`),
      () => ({ path: '/me', headers: { [name]: value } }),
      'UNAUTHENTICATED',
    ),
  ),
  ...atRest(
    restDoors('product', ground),
    about('another method in a header'),
    ({ product, admin }) => ({
      method: 'POST',
      path: `/products/${product}`,
      headers: { ...admin.headers, 'x-http-method-override': 'DELETE' },
    }),
    'NOT_FOUND',
  ),
  ...atRest(
    restDoors('product', ground),
    about('TRACE'),
    () => ({ method: 'PROPFIND', path: '/products' }),
    'NOT_FOUND',
    'HTTP 405',
  ),
  splitting(ground),
  script,
  ...['//evil.example/%2e%2e', '/%5cevil.example', '//evil.example/docs/auth', '/docs/auth'].map(redirecting),
]

const doorsOf = ({ place }: Ground): { door: string; url: string }[] => [
  { door: 'gateway', url: `${place.gateway}/api/logout` },
  { door: 'gateway graphql', url: `${place.gateway}/graphql` },
  ...(place.services ? services.map((service) => ({ door: service, url: `${place.services![service]}/graphql` })) : []),
]

/** Right is one answer, and none to what was hidden; it tells itself by what /healthz says. */
const smuggled = ({ door, url }: { door: string; url: string }, what: string, rest: string): Attack => ({
  ...about(`a request hidden by ${what}`),
  door,
  right: 'refused, the hidden one unheard',
  try: async () => {
    const { host, pathname } = new URL(url)
    const head = `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`
    const { text, statuses } = await say(url, head + rest, { within: 1500 })
    const heard = text.includes('"status":"ok"')
    return { refused: !heard && (statuses[0] ?? 400) >= 400, saw: `HTTP ${statuses.join(' ') || 'nothing'}` }
  },
})

const spoilt = ({ door, url }: { door: string; url: string }, what: string): Attack => {
  const [bytes, status, code] = broken[what]!
  return {
    ...about(`no request: ${what}`),
    door,
    right: `${code}, HTTP ${status}`,
    try: async () => {
      const { text, statuses } = await say(url, bytes, { within: 10_000 })
      const isProblem = /^content-type: application\/problem\+json/im.test(text) && text.includes(`"code":"${code}"`)
      return {
        refused: isProblem && statuses.join() === String(status),
        saw: `HTTP ${statuses.join(' ') || 'nothing'}`,
      }
    },
  }
}

const splitting = ({ product }: Ground): Attack => ({
  ...about('a header in an address'),
  door: 'gateway',
  right: 'no such header in the answer',
  try: async ({ place }) => {
    const answer = await askRest(place.gateway, { path: `/docs/auth/${product}%0d%0aSet-Cookie:%20evil=1%0d%0a` })
    const cookie = answer.headers.get('set-cookie')
    return { refused: cookie === null, saw: cookie ?? `HTTP ${answer.status}` }
  },
})

const script: Attack = {
  ...about('a script for a host'),
  door: 'gateway',
  right: 'not in the page',
  try: async ({ place }) => {
    const request = 'GET / HTTP/1.1\r\nHost: x"><script>alert(1)</script>\r\nConnection: close\r\n\r\n'
    const { text, statuses } = await say(place.gateway, request)
    return { refused: !text.includes('<script>alert(1)'), saw: `HTTP ${statuses.join(' ')}` }
  },
}

const redirecting = (path: string): Attack => ({
  ...about(`a way out, ${path}`),
  door: 'gateway',
  right: 'no way to another site',
  try: async ({ place }) => {
    const request = `GET ${path} HTTP/1.1\r\nHost: ${new URL(place.gateway).host}\r\nConnection: close\r\n\r\n`
    const { text, statuses } = await say(place.gateway, request)
    const location = /^location: (.*)$/im.exec(text)?.[1]?.trim() ?? ''
    const origin = URL.canParse(location, place.gateway) ? new URL(location, place.gateway).origin : 'nowhere'
    return { refused: origin === new URL(place.gateway).origin, saw: `HTTP ${statuses.join(' ')} ${location}`.trim() }
  },
})
