import { describe, expect, it } from 'vitest'
import { parseConfig } from './config.ts'

describe('configFrom', () => {
  it('lists every variable that is missing or invalid in one error', () => {
    const parse = (env: NodeJS.ProcessEnv) => () => parseConfig(env)
    expect(parse({ PRODUCT_GRPC_URL: 'http://product:50051' })).toThrow(
      /PORT is missing[\s\S]*JWKS_URL is missing[\s\S]*MONGODB_URL is missing[\s\S]*KAFKA_BROKERS is missing[\s\S]*PRODUCT_GRPC_URL has the wrong form/,
    )
  })

  it.each([
    ['product-service:4012', true],
    ['10.0.0.1:4012,10.0.0.2:4012', true],
    ['product-1:4012,product-2:4012', false],
    ['10.0.0.1,10.0.0.2:4012', false],
  ])('checks PRODUCT_GRPC_URL: %s', (PRODUCT_GRPC_URL, valid) => {
    const message = /PRODUCT_GRPC_URL has the wrong form/
    expect(() => parseConfig({ PRODUCT_GRPC_URL })).toThrow(valid ? /^((?!PRODUCT_GRPC_URL)[^])*$/ : message)
  })

  it('requires the secret that product-service expects, in production', () => {
    const env = {
      PORT: '0',
      JWKS_URL: 'http://127.0.0.1:1/jwks.json',
      MONGODB_URL: 'mongodb://127.0.0.1:27017/halles_order?replicaSet=rs0',
      KAFKA_BROKERS: '127.0.0.1:9092',
      PRODUCT_GRPC_URL: '127.0.0.1:4012',
      NODE_ENV: 'production',
      GATEWAY_SECRET: 'a-secret-of-our-own',
    }
    expect(() => parseConfig(env)).toThrow(/GRPC_SECRET must be set to a secret of your own/)
    expect(parseConfig({ ...env, GRPC_SECRET: 'another-of-our-own' }).NODE_ENV).toBe('production')
  })
})
