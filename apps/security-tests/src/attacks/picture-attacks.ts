import { setTimeout as pause } from 'node:timers/promises'
import { orConnectionClosed, sendRest } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { createPng } from '../fixtures/pictures.ts'
import type { User } from '../fixtures/users.ts'
import { restTargets, toVerdict, type Attack } from './attack.ts'

const svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
const large = Buffer.alloc(5_242_880)

type Upload = {
  name: string
  body: Buffer
  type: string
  by?: (fixtures: AttackFixtures) => User
  expected: string[]
}

/** Files that are no pictures, or cost more than they look, as a malicious or careless admin would upload them. */
const uploads: Upload[] = [
  { name: 'SVG with a script as a JPEG', body: Buffer.from(svg), type: 'image/jpeg', expected: ['VALIDATION_FAILED'] },
  { name: 'SVG as SVG', body: Buffer.from(svg), type: 'image/svg+xml', expected: ['UNSUPPORTED_MEDIA_TYPE'] },
  {
    name: 'a page as a PNG',
    body: Buffer.from('<!doctype html><script>alert(1)</script>'),
    type: 'image/png',
    expected: ['VALIDATION_FAILED'],
  },
  {
    name: 'a PNG of 100 million pixels',
    body: createPng(10_000, 10_000),
    type: 'image/png',
    expected: ['VALIDATION_FAILED'],
  },
  {
    name: 'a PNG without its end',
    body: createPng(400, 400).subarray(0, 50),
    type: 'image/png',
    expected: ['VALIDATION_FAILED'],
  },
  {
    name: 'a picture of more than 5 MB',
    body: Buffer.concat([large, large]),
    type: 'image/png',
    expected: ['PAYLOAD_TOO_LARGE', 'connection closed'],
  },
  {
    name: 'JSON as a picture',
    body: Buffer.from('{}'),
    type: 'application/json',
    expected: ['UNSUPPORTED_MEDIA_TYPE'],
  },
  {
    name: 'a picture of 5 MB from a customer',
    body: large,
    type: 'image/png',
    by: ({ attacker }) => attacker,
    expected: ['FORBIDDEN', 'connection closed'],
  },
]

export const pictureAttacks = (fixtures: AttackFixtures): Attack[] =>
  uploads.flatMap(({ name, body, type, by = ({ admin }) => admin, expected }) =>
    restTargets('product', fixtures).map(({ endpoint, baseUrl }) => ({
      category: 'pictures',
      name,
      endpoint,
      expected: expected.join(' or '),
      run: async (present: AttackFixtures) => {
        const headers = { 'content-type': type, ...by(present).headers }
        const request = { method: 'PUT', path: `/products/${present.product}/picture`, body, headers }
        return toVerdict(await sendInTurn(() => orConnectionClosed(sendRest(baseUrl(present), request))), ...expected)
      },
    })),
  )

/** Sends a picture again while product-service is busy with those of other attacks: it works on four at a time. */
async function sendInTurn<R extends { outcome: string }>(send: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    const response = await send()
    if (response.outcome !== 'UNAVAILABLE' || attempt === 30) return response
    await pause(500)
  }
}
