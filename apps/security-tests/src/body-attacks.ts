import { gzipSync } from 'node:zlib'
import { atRest, oneOf, restDoors, type Attack, type RestDoor } from './attack.ts'
import { askRest, parsed } from './ask.ts'
import { orClosed } from './graphql-attacks.ts'
import type { Ground } from './ground.ts'
import { say } from './raw.ts'

const about = (what: string) => ({ class: 'bodies', what })
const DEEP = 20_000

/** Bodies that say nothing that a route would take, as they stand. */
const bodies: Record<string, string> = {
  'lists nested 20,000 deep': '['.repeat(DEEP) + ']'.repeat(DEEP),
  'objects nested 20,000 deep': '{"a":'.repeat(DEEP) + '1' + '}'.repeat(DEEP),
  'a key __proto__': '{"email":"a@example.test","password":"12345678","__proto__":{"role":"admin"}}',
  'a key constructor': '{"email":"a@example.test","password":"12345678","constructor":{"prototype":{"role":"admin"}}}',
  'operators for strings': '{"email":{"$gt":""},"password":{"$gt":""}}',
  '$where for a string': '{"email":{"$where":"sleep(5000)"},"password":"12345678"}',
  'a list for a string': '{"email":["a@example.test"],"password":["12345678"]}',
  'a letter of 400,000 marks': JSON.stringify({ email: `a${'\u0301'.repeat(200_000)}${'\u0316'.repeat(200_000)}` }),
  'half of a JSON': '{"email":"a@example.test"',
  'no JSON': 'email=a@example.test&password=12345678',
}

export const bodyAttacks = (ground: Ground): Attack[] => [
  ...Object.entries(bodies).flatMap(([what, body]) => [
    ...atRest(
      restDoors('auth', ground),
      about(what),
      () => ({ method: 'POST', path: '/login', body }),
      'VALIDATION_FAILED',
    ),
    ...atRest(
      restDoors('order', ground),
      about(what),
      ({ mallory }) => ({ method: 'POST', path: '/orders', body, headers: mallory.headers }),
      'VALIDATION_FAILED',
    ),
  ]),
  ...[...restDoors('auth', ground), ...restDoors('order', ground).slice(1)].flatMap((door) => [
    huge(door),
    hugeInChunks(door),
    zipped(door),
    ...(['headers', 'a body'] as const).map((what) => slow(door, what)),
  ]),
]

const pathAt = (door: string): string => (door === 'order' ? '/orders' : '/login')

const huge = ({ door, base }: RestDoor): Attack => ({
  ...about('a body of 10 MB'),
  door,
  right: 'PAYLOAD_TOO_LARGE',
  try: async (ground) => {
    const body = JSON.stringify({ email: 'x'.repeat(10_000_000), password: '12345678' })
    const request = { method: 'POST', path: pathAt(door), body, headers: ground.mallory.headers }
    return oneOf(await orClosed(askRest(base(ground), request)), 'PAYLOAD_TOO_LARGE', 'connection closed')
  },
})

/** Its length is not said before: whoever passes it on finds out on the way. */
const hugeInChunks = ({ door, base }: RestDoor): Attack => ({
  ...about('a body of 10 MB in chunks'),
  door,
  right: 'PAYLOAD_TOO_LARGE',
  try: async (ground) => {
    const piece = new TextEncoder().encode(' '.repeat(50_000))
    let left = 200
    const body = new ReadableStream<Uint8Array>({
      pull: (to) => (left-- > 0 ? to.enqueue(piece) : to.close()),
    })
    const headers = { 'content-type': 'application/json', ...ground.mallory.headers }
    const answer = fetch(base(ground) + pathAt(door), { method: 'POST', headers, body, duplex: 'half' }).then(
      async (got) => ({ outcome: parsed(await got.text())?.code ?? `HTTP ${got.status}` }),
    )
    // A service itself may hang up on who does not listen.
    return oneOf(await orClosed(answer), 'PAYLOAD_TOO_LARGE', ...(door === 'gateway' ? [] : ['connection closed']))
  },
})

const zipped = ({ door, base }: RestDoor): Attack => ({
  ...about('a zipped body'),
  door,
  right: 'VALIDATION_FAILED or UNSUPPORTED_MEDIA_TYPE',
  try: async (ground) => {
    const answer = await fetch(base(ground) + pathAt(door), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', ...ground.mallory.headers },
      body: gzipSync(' '.repeat(50_000_000)),
    })
    await answer.body?.cancel()
    return { refused: [400, 413, 415].includes(answer.status), saw: `HTTP ${answer.status}` }
  },
})

/** A byte a second, for ever: the connection is given up in 20 s, and costs no one else anything. */
const slow = ({ door, base }: RestDoor, what: 'headers' | 'a body'): Attack => ({
  ...about(`${what} of a byte a second`),
  door,
  right: 'HTTP 408, or closed, within 30 s',
  try: async (ground) => {
    const url = new URL(base(ground))
    const head = `POST ${url.pathname.replace(/\/$/, '')}/login HTTP/1.1\r\nHost: ${url.host}\r\n`
    const begun = what === 'headers' ? head : `${head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
    const { statuses, closed, ms } = await say(url.href, begun, { drip: forEver(what), within: 30_000 })
    return {
      refused: closed,
      saw: `${statuses.join(' ') || (closed ? 'closed' : 'nothing')} in ${(ms / 1000).toFixed(1)} s`,
    }
  },
})

function* forEver(what: string): Generator<string> {
  for (let i = 0; ; i++) yield what === 'headers' ? `X-${i}: a\r\n` : ' '
}
