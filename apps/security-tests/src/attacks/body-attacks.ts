import { gzipSync } from 'node:zlib'
import { attackRest, toVerdict, restTargets, type Attack, type Target } from './attack.ts'
import { orConnectionClosed, parseJson, sendRest } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { sendRaw } from '../raw-socket.ts'

const title = (name: string) => ({ category: 'bodies', name })
const DEPTH = 20_000

/** Bodies that no route may accept, as raw text. */
const bodies: Record<string, string> = {
  'lists nested 20,000 deep': '['.repeat(DEPTH) + ']'.repeat(DEPTH),
  'objects nested 20,000 deep': '{"a":'.repeat(DEPTH) + '1' + '}'.repeat(DEPTH),
  'a key __proto__': '{"email":"a@example.test","password":"12345678","__proto__":{"role":"admin"}}',
  'a key constructor': '{"email":"a@example.test","password":"12345678","constructor":{"prototype":{"role":"admin"}}}',
  'MongoDB operators instead of strings': '{"email":{"$gt":""},"password":{"$gt":""}}',
  '$where instead of a string': '{"email":{"$where":"sleep(5000)"},"password":"12345678"}',
  'lists instead of strings': '{"email":["a@example.test"],"password":["12345678"]}',
  'a letter with 400,000 combining marks': JSON.stringify({
    email: `a${'\u0301'.repeat(200_000)}${'\u0316'.repeat(200_000)}`,
  }),
  'truncated JSON': '{"email":"a@example.test"',
  'a form instead of JSON': 'email=a@example.test&password=12345678',
}

export const bodyAttacks = (fixtures: AttackFixtures): Attack[] => [
  ...Object.entries(bodies).flatMap(([name, body]) => [
    ...attackRest(
      restTargets('auth', fixtures),
      title(name),
      () => ({ method: 'POST', path: '/login', body }),
      'VALIDATION_FAILED',
    ),
    ...attackRest(
      restTargets('order', fixtures),
      title(name),
      ({ attacker }) => ({ method: 'POST', path: '/orders', body, headers: attacker.headers }),
      'VALIDATION_FAILED',
    ),
  ]),
  ...[...restTargets('auth', fixtures), ...restTargets('order', fixtures).slice(1)].flatMap((target) => [
    sendHugeBody(target),
    sendHugeChunkedBody(target),
    sendGzippedBody(target),
    ...(['headers', 'body'] as const).map((part) => sendSlowly(target, part)),
  ]),
]

const pathOf = (endpoint: string): string => (endpoint === 'order' ? '/orders' : '/login')

const sendHugeBody = ({ endpoint, baseUrl }: Target): Attack => ({
  ...title('a body of 10 MB'),
  endpoint,
  expected: 'PAYLOAD_TOO_LARGE',
  run: async (fixtures) => {
    const body = JSON.stringify({ email: 'x'.repeat(10_000_000), password: '12345678' })
    const request = { method: 'POST', path: pathOf(endpoint), body, headers: fixtures.attacker.headers }
    return toVerdict(
      await orConnectionClosed(sendRest(baseUrl(fixtures), request)),
      'PAYLOAD_TOO_LARGE',
      'connection closed',
    )
  },
})

/** Without a Content-Length, a proxy learns the size only while it forwards the body. */
const sendHugeChunkedBody = ({ endpoint, baseUrl }: Target): Attack => ({
  ...title('a body of 10 MB in chunks'),
  endpoint,
  expected: 'PAYLOAD_TOO_LARGE',
  run: async (fixtures) => {
    const chunk = new TextEncoder().encode(' '.repeat(50_000))
    let left = 200
    const body = new ReadableStream<Uint8Array>({
      pull: (to) => (left-- > 0 ? to.enqueue(chunk) : to.close()),
    })
    const headers = { 'content-type': 'application/json', ...fixtures.attacker.headers }
    const response = fetch(baseUrl(fixtures) + pathOf(endpoint), {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    }).then(async (received) => ({ outcome: parseJson(await received.text())?.code ?? `HTTP ${received.status}` }))
    // A service may close the connection to a client that keeps sending; the gateway must respond.
    return toVerdict(
      await orConnectionClosed(response),
      'PAYLOAD_TOO_LARGE',
      ...(endpoint === 'gateway' ? [] : ['connection closed']),
    )
  },
})

const sendGzippedBody = ({ endpoint, baseUrl }: Target): Attack => ({
  ...title('a gzip bomb'),
  endpoint,
  expected: 'VALIDATION_FAILED or UNSUPPORTED_MEDIA_TYPE',
  run: async (fixtures) => {
    const response = await fetch(baseUrl(fixtures) + pathOf(endpoint), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', ...fixtures.attacker.headers },
      body: gzipSync(' '.repeat(50_000_000)),
    })
    await response.body?.cancel()
    return { rejected: [400, 413, 415].includes(response.status), observed: `HTTP ${response.status}` }
  },
})

/** Slowloris: a byte a second, without end. The server must close the connection, after 20 s as configured. */
const sendSlowly = ({ endpoint, baseUrl }: Target, part: 'headers' | 'body'): Attack => ({
  ...title(`a ${part === 'body' ? 'body' : 'header block'} sent at one byte a second`),
  endpoint,
  expected: 'HTTP 408, or a closed connection, within 30 s',
  run: async (fixtures) => {
    const url = new URL(baseUrl(fixtures))
    const head = `POST ${url.pathname.replace(/\/$/, '')}/login HTTP/1.1\r\nHost: ${url.host}\r\n`
    const start = part === 'headers' ? head : `${head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
    const { statuses, closed, ms } = await sendRaw(url.href, start, { drip: dripWithoutEnd(part), timeout: 30_000 })
    return {
      rejected: closed,
      observed: `${statuses.join(' ') || (closed ? 'closed' : 'no response')} in ${(ms / 1000).toFixed(1)} s`,
    }
  },
})

function* dripWithoutEnd(part: string): Generator<string> {
  for (let i = 0; ; i++) yield part === 'headers' ? `X-${i}: a\r\n` : ' '
}
