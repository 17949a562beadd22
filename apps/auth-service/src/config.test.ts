import { describe, expect, it } from 'vitest'
import { parseConfig } from './config.ts'

const required = { PORT: '4001', MONGODB_URL: 'mongodb://127.0.0.1:27017/halles_auth?replicaSet=rs0' }

it('parseConfig has defaults for all settings but the port and the database', () => {
  expect(parseConfig(required)).toMatchObject({
    HOST: '127.0.0.1',
    OPERATOR_HOST: '127.0.0.1',
    KAFKA_TLS: false,
    PORT: 4001,
    LOG_LEVEL: 'info',
    MONGODB_URL: required.MONGODB_URL,
    JWT_ISSUER: 'halles',
    JWT_AUDIENCE: 'halles',
    ACCESS_TOKEN_SECONDS: 600,
    REFRESH_TOKEN_DAYS: 30,
    SECURITY_LOG_DAYS: 90,
    THROTTLING: true,
    THROTTLING_SCALE: 1,
    ADMIN_NAME: 'Admin',
    DEMO_CUSTOMER_NAME: 'Camille Martin',
  })
})

it.each([
  ['an admin without a password', { ADMIN_EMAIL: 'a@example.test' }, /ADMIN_PASSWORD is missing beside ADMIN_EMAIL/],
  ['an admin without an address', { ADMIN_PASSWORD: '12345678' }, /ADMIN_EMAIL is missing beside ADMIN_PASSWORD/],
  [
    'Kafka without a secret for links',
    { KAFKA_BROKERS: 'a:9092' },
    /ACCOUNT_LINK_SECRET is missing beside KAFKA_BROKERS/,
  ],
  [
    'a demo customer without a password',
    { DEMO_CUSTOMER_EMAIL: 'a@example.test' },
    /DEMO_CUSTOMER_PASSWORD is missing/,
  ],
  [
    'a short password',
    { ADMIN_EMAIL: 'a@example.test', ADMIN_PASSWORD: 'short' },
    /ADMIN_PASSWORD must NOT have fewer/,
  ],
  ['an invalid address', { ADMIN_EMAIL: 'admin', ADMIN_PASSWORD: '12345678' }, /ADMIN_EMAIL must match format "email"/],
  ['a token lifetime of zero', { ACCESS_TOKEN_SECONDS: '0' }, /ACCESS_TOKEN_SECONDS must be >= 1/],
])('parseConfig rejects %s', (_what, more, sentence) => {
  expect(() => parseConfig({ ...required, ...more })).toThrow(sentence)
})

describe('parseConfig in production', () => {
  const production = { ...required, NODE_ENV: 'production' }
  const own = { GATEWAY_SECRET: 'a-secret-of-our-own' }

  it('lists all settings that are only allowed in a demo in one error', () => {
    const demo = {
      ADMIN_EMAIL: 'admin@halles.example',
      ADMIN_PASSWORD: 'halles-admin-demo',
      DEMO_CUSTOMER_EMAIL: 'camille@halles.example',
      DEMO_CUSTOMER_PASSWORD: 'halles-camille-demo',
      THROTTLING: 'false',
    }
    expect(() => parseConfig({ ...production, ...demo })).toThrow(
      /GATEWAY_SECRET must be set[^]*ADMIN_PASSWORD must not[^]*DEMO_CUSTOMER_EMAIL must not[^]*THROTTLING must not/,
    )
  })

  it('accepts a secret and an admin of one’s own', () => {
    expect(parseConfig({ ...production, ...own }).GATEWAY_SECRET).toBe(own.GATEWAY_SECRET)
    const admin = { ADMIN_EMAIL: 'a@example.test', ADMIN_PASSWORD: 'quite another one' }
    expect(parseConfig({ ...production, ...own, ...admin }).ADMIN_EMAIL).toBe('a@example.test')
  })
})
