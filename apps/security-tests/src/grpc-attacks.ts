import { CheckStockRequest, ReleaseStockRequest, ReserveStockRequest } from '@halles/contracts/product-grpc'
import type { Attack } from './attack.ts'
import { askGrpc } from './ask.ts'
import type { Ground } from './ground.ts'
import { PEER_PROOF } from './place.ts'
import { say } from './raw.ts'

const SERVICE = 'halles.product.v1.ProductService'
const line = (productId: string, quantity: number) => ({ productId, quantity })
const wide = (count: number) => Array.from({ length: count }, () => line('x', 1))

/** Messages of a peer that has gone mad: none may be taken for a wish, or do harm. */
const messages: Record<string, { method: string; bytes: (ground: Ground) => Uint8Array; right: string[] }> = {
  'bytes that mean nothing': {
    method: 'CheckStock',
    bytes: () => Uint8Array.of(0xff, 0xff, 0xff, 0xff),
    right: ['INTERNAL', 'VALIDATION_FAILED'],
  },
  'a length beyond the end': {
    method: 'CheckStock',
    bytes: () => Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f),
    right: ['INTERNAL', 'VALIDATION_FAILED'],
  },
  'groups nested 100,000 deep': {
    method: 'CheckStock',
    bytes: () => new Uint8Array(100_000).fill(0x13),
    right: ['INTERNAL', 'VALIDATION_FAILED'],
  },
  '10 MB': { method: 'CheckStock', bytes: () => new Uint8Array(10_000_000), right: ['PAYLOAD_TOO_LARGE'] },
  '20,000 lines': {
    method: 'CheckStock',
    bytes: () => CheckStockRequest.encode({ items: wide(20_000) }).finish(),
    right: ['VALIDATION_FAILED'],
  },
  'an order of 101 lines': {
    method: 'ReserveStock',
    bytes: () => ReserveStockRequest.encode({ orderId: 'doors', items: wide(101) }).finish(),
    right: ['VALIDATION_FAILED'],
  },
  'a quantity below nothing': {
    method: 'ReserveStock',
    bytes: ({ product }) => ReserveStockRequest.encode({ orderId: 'doors', items: [line(product, -5)] }).finish(),
    right: ['VALIDATION_FAILED'],
  },
  'a quantity of 2^31 - 1': {
    method: 'ReserveStock',
    bytes: ({ product }) =>
      ReserveStockRequest.encode({ orderId: 'doors', items: [line(product, 2_147_483_647)] }).finish(),
    right: ['VALIDATION_FAILED'],
  },
  'an order without an id': {
    method: 'ReserveStock',
    bytes: ({ product }) => ReserveStockRequest.encode({ orderId: '', items: [line(product, 1)] }).finish(),
    right: ['VALIDATION_FAILED'],
  },
  'an id of a kilobyte': {
    method: 'ReleaseStock',
    bytes: () => ReleaseStockRequest.encode({ orderId: 'x'.repeat(1000) }).finish(),
    right: ['VALIDATION_FAILED'],
  },
  'a method that there is none': { method: 'DropStock', bytes: () => new Uint8Array(), right: ['UNIMPLEMENTED'] },
}

/** What has no business at this door. */
const strangers: Record<string, string | Uint8Array> = {
  'HTTP/1.1': 'POST /halles.product.v1.ProductService/CheckStock HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
  noise: Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 256),
  'half a preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n',
}

export function grpcAttacks({ place: { productGrpc, peerSecret } }: Ground): Attack[] {
  if (productGrpc === undefined) return []
  const metadata: Record<string, string> = peerSecret === undefined ? {} : { [PEER_PROOF]: peerSecret }
  const attack = (what: string) => ({ class: 'grpc', what, door: 'product grpc' })
  const calls = Object.entries(messages).map(([what, { method, bytes, right }]) => ({
    ...attack(what),
    right: right.join(' or '),
    try: async (ground: Ground) => {
      const { outcome, details } = await askGrpc(productGrpc, `${SERVICE}/${method}`, bytes(ground), { metadata })
      const inside = /at .*\.(js|ts):\d+|node_modules/.test(details)
      return { refused: right.includes(outcome) && !inside, saw: inside ? `${outcome}, with a stack` : outcome }
    },
  }))
  const bytes = Object.entries(strangers).map(([what, bytes]) => ({
    ...attack(what),
    right: 'closed, or silence',
    try: async () => {
      const { statuses, closed } = await say(`http://${productGrpc}`, bytes, { within: 2000 })
      return { refused: !statuses.some((status) => status < 400), saw: closed ? 'closed' : 'silence' }
    },
  }))
  const guesses = ['', 'only-for-trying-things-out', '\u0001'].map((secret) => ({
    ...attack(secret === '' ? 'no secret' : 'another secret'),
    right: 'UNAUTHENTICATED',
    try: async () => {
      const given: Record<string, string> = secret === '' ? {} : { [PEER_PROOF]: secret.replace('\u0001', 'a') }
      const { outcome } = await askGrpc(productGrpc, `${SERVICE}/CheckStock`, new Uint8Array(), { metadata: given })
      return { refused: outcome === 'UNAUTHENTICATED', saw: outcome }
    },
  }))
  return [...calls, ...bytes, ...(peerSecret === undefined ? [] : guesses)]
}
