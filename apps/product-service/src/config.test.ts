import { expect, it } from 'vitest'
import { configFrom } from './config.ts'

const env = {
  PORT: '4002',
  GRPC_PORT: '4012',
  JWKS_URL: 'http://127.0.0.1:4001/.well-known/jwks.json',
  MONGODB_URL: 'mongodb://127.0.0.1:27017/halles_product?replicaSet=rs0',
}

it('gRPC listens on this machine only, unless it is told otherwise, and no demo is put into a catalogue', () => {
  expect(configFrom({ ...env, HOST: '0.0.0.0' })).toMatchObject({ GRPC_HOST: '127.0.0.1', DEMO_CATALOGUE: false })
  expect(configFrom({ ...env, GRPC_HOST: '0.0.0.0' }).GRPC_HOST).toBe('0.0.0.0')
})

it('in production it wants peers that prove themselves, a gateway of its own, and no demo', () => {
  expect(() => configFrom({ ...env, NODE_ENV: 'production', DEMO_CATALOGUE: 'true' })).toThrow(
    /GATEWAY_SECRET must be set[^]*GRPC_SECRET must be set[^]*DEMO_CATALOGUE must not be true/,
  )
})

it('every mistake is told at once', () => {
  expect(() => configFrom({ GRPC_PORT: '70000', MONGODB_URL: 'mongodb://127.0.0.1:27017' })).toThrow(
    /GRPC_PORT [^]*MONGODB_URL |MONGODB_URL [^]*GRPC_PORT /,
  )
})
