import { describe, expect, it } from 'vitest'
import { parseConfig } from './config.ts'

const env = {
  PORT: '4002',
  GRPC_PORT: '4012',
  JWKS_URL: 'http://127.0.0.1:4001/.well-known/jwks.json',
  MONGODB_URL: 'mongodb://127.0.0.1:27017/halles_product?replicaSet=rs0',
}

describe('the configuration of product-service', () => {
  it('defaults to gRPC on the loopback interface and no demo catalogue', () => {
    expect(parseConfig({ ...env, HOST: '0.0.0.0' })).toMatchObject({ GRPC_HOST: '127.0.0.1', DEMO_CATALOGUE: false })
    expect(parseConfig({ ...env, GRPC_HOST: '0.0.0.0' }).GRPC_HOST).toBe('0.0.0.0')
  })

  it('requires a gateway secret, a gRPC secret and no demo catalogue in production', () => {
    expect(() => parseConfig({ ...env, NODE_ENV: 'production', DEMO_CATALOGUE: 'true' })).toThrow(
      /GATEWAY_SECRET must be set[^]*GRPC_SECRET must be set[^]*DEMO_CATALOGUE must not be true/,
    )
  })

  it('reports all invalid variables in one error', () => {
    expect(() => parseConfig({ GRPC_PORT: '70000', MONGODB_URL: 'mongodb://127.0.0.1:27017' })).toThrow(
      /GRPC_PORT [^]*MONGODB_URL |MONGODB_URL [^]*GRPC_PORT /,
    )
  })
})
