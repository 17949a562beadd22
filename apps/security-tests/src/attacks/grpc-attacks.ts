import { CheckStockRequest, ReleaseStockRequest, ReserveStockRequest } from '@halles/contracts/product-grpc'
import type { Attack } from './attack.ts'
import { callGrpc } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { PEER_SECRET_HEADER } from '../shop-under-test.ts'
import { sendRaw } from '../raw-socket.ts'

const SERVICE = 'halles.product.v1.ProductService'
const line = (productId: string, quantity: number) => ({ productId, quantity })
const lines = (count: number) => Array.from({ length: count }, () => line('x', 1))

/** Malformed or excessive messages of an authenticated peer. None may have an effect. */
const messages: Record<
  string,
  { method: string; bytes: (fixtures: AttackFixtures) => Uint8Array; expected: string[] }
> = {
  'bytes that are not protobuf': {
    method: 'CheckStock',
    bytes: () => Uint8Array.of(0xff, 0xff, 0xff, 0xff),
    expected: ['INTERNAL', 'VALIDATION_FAILED'],
  },
  'a length beyond the end of the message': {
    method: 'CheckStock',
    bytes: () => Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f),
    expected: ['INTERNAL', 'VALIDATION_FAILED'],
  },
  'groups nested 100,000 deep': {
    method: 'CheckStock',
    bytes: () => new Uint8Array(100_000).fill(0x13),
    expected: ['INTERNAL', 'VALIDATION_FAILED'],
  },
  '10 MB': { method: 'CheckStock', bytes: () => new Uint8Array(10_000_000), expected: ['PAYLOAD_TOO_LARGE'] },
  '20,000 lines': {
    method: 'CheckStock',
    bytes: () => CheckStockRequest.encode({ items: lines(20_000) }).finish(),
    expected: ['VALIDATION_FAILED'],
  },
  'an order of 101 lines': {
    method: 'ReserveStock',
    bytes: () => ReserveStockRequest.encode({ orderId: 'security-tests', items: lines(101) }).finish(),
    expected: ['VALIDATION_FAILED'],
  },
  'a negative quantity': {
    method: 'ReserveStock',
    bytes: ({ product }) =>
      ReserveStockRequest.encode({ orderId: 'security-tests', items: [line(product, -5)] }).finish(),
    expected: ['VALIDATION_FAILED'],
  },
  'a quantity of 2^31 - 1': {
    method: 'ReserveStock',
    bytes: ({ product }) =>
      ReserveStockRequest.encode({ orderId: 'security-tests', items: [line(product, 2_147_483_647)] }).finish(),
    expected: ['VALIDATION_FAILED'],
  },
  'an empty order id': {
    method: 'ReserveStock',
    bytes: ({ product }) => ReserveStockRequest.encode({ orderId: '', items: [line(product, 1)] }).finish(),
    expected: ['VALIDATION_FAILED'],
  },
  'an order id of 1,000 characters': {
    method: 'ReleaseStock',
    bytes: () => ReleaseStockRequest.encode({ orderId: 'x'.repeat(1000) }).finish(),
    expected: ['VALIDATION_FAILED'],
  },
  'an unknown method': { method: 'DropStock', bytes: () => new Uint8Array(), expected: ['UNIMPLEMENTED'] },
}

/** Bytes that are not gRPC. */
const foreignBytes: Record<string, string | Uint8Array> = {
  'HTTP/1.1': 'POST /halles.product.v1.ProductService/CheckStock HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
  'pseudo-random bytes': Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 256),
  'an incomplete HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n',
}

export function grpcAttacks({ shop: { productGrpc, peerSecret } }: AttackFixtures): Attack[] {
  if (productGrpc === undefined) return []
  const metadata: Record<string, string> = peerSecret === undefined ? {} : { [PEER_SECRET_HEADER]: peerSecret }
  const title = (name: string) => ({ category: 'grpc', name, endpoint: 'product grpc' })
  const calls = Object.entries(messages).map(([name, { method, bytes, expected }]) => ({
    ...title(name),
    expected: expected.join(' or '),
    run: async (fixtures: AttackFixtures) => {
      const { outcome, details } = await callGrpc(productGrpc, `${SERVICE}/${method}`, bytes(fixtures), { metadata })
      const hasStack = /at .*\.(js|ts):\d+|node_modules/.test(details)
      return {
        rejected: expected.includes(outcome) && !hasStack,
        observed: hasStack ? `${outcome}, with a stack trace` : outcome,
      }
    },
  }))
  const byteStreams = Object.entries(foreignBytes).map(([name, bytes]) => ({
    ...title(name),
    expected: 'a closed connection, or no response',
    run: async () => {
      const { statuses, closed } = await sendRaw(`http://${productGrpc}`, bytes, { timeout: 2000 })
      return { rejected: !statuses.some((status) => status < 400), observed: closed ? 'closed' : 'no response' }
    },
  }))
  const wrongSecrets = ['', 'only-for-trying-things-out', 'a'].map((secret) => ({
    ...title(secret === '' ? 'no peer secret' : 'a wrong peer secret'),
    expected: 'UNAUTHENTICATED',
    run: async () => {
      const metadata: Record<string, string> = secret === '' ? {} : { [PEER_SECRET_HEADER]: secret }
      const { outcome } = await callGrpc(productGrpc, `${SERVICE}/CheckStock`, new Uint8Array(), { metadata })
      return { rejected: outcome === 'UNAUTHENTICATED', observed: outcome }
    },
  }))
  return [...calls, ...byteStreams, ...(peerSecret === undefined ? [] : wrongSecrets)]
}
