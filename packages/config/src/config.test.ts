import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Type } from 'typebox'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  kafkaCredentials,
  BehindGatewaySettings,
  CommonSettings,
  productionRequirements,
  settingsRequiredTogether,
  accessOptions,
  KafkaCredentialSettings,
  KafkaSettings,
  MongodbSettings,
  PeerSettings,
  readConfig,
  peerCredentials,
} from './config.ts'

const Settings = Type.Object({ ...CommonSettings, ...MongodbSettings, ...KafkaSettings })
const valid = {
  PORT: '4003',
  MONGODB_URL: 'mongodb://127.0.0.1:27017/halles_order?replicaSet=rs0',
  KAFKA_BROKERS: 'a:1,b:2',
}

describe('readConfig', () => {
  it('converts types, fills in defaults and treats an empty variable as unset', () => {
    expect(readConfig(Settings, { ...valid, LOG_LEVEL: '', UNRELATED: 'x' })).toEqual({
      ...valid,
      PORT: 4003,
      HOST: '127.0.0.1',
      OPERATOR_HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
      JWT_ISSUER: 'halles',
      JWT_AUDIENCE: 'halles',
    })
  })

  it('reports all invalid settings at once, by name', () => {
    const read = () => readConfig(Settings, { PORT: 'high', MONGODB_URL: 'mongodb://127.0.0.1:27017' })
    expect(read).toThrow(/PORT must be integer/)
    expect(read).toThrow(/MONGODB_URL has the wrong form .*with the name of the database/)
    expect(read).toThrow(/KAFKA_BROKERS is missing/)
  })

  it('reports the missing one of settings that require each other', () => {
    const Pair = Type.Object(
      { NAME: Type.Optional(Type.String()), PASSWORD: Type.Optional(Type.String()) },
      { dependencies: { NAME: ['PASSWORD'], PASSWORD: ['NAME'] } },
    )
    expect(() => readConfig(Pair, { NAME: 'a' })).toThrow(/PASSWORD is missing beside NAME/)
    expect(readConfig(Pair, {})).toEqual({})
  })

  it('reads NAME from the file in NAME_FILE, for mounted secrets', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'halles-config-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(path.join(folder, 'url'), `${valid.MONGODB_URL}\n`)
    const { MONGODB_URL: _, ...rest } = valid
    expect(readConfig(Settings, { ...rest, MONGODB_URL_FILE: path.join(folder, 'url') }).MONGODB_URL).toBe(
      valid.MONGODB_URL,
    )
    expect(() => readConfig(Settings, { ...rest, MONGODB_URL_FILE: '/nowhere' })).toThrow(/MONGODB_URL_FILE: ENOENT/)
  })

  it('reports invalid secrets without their values', () => {
    const Secrets = Type.Object({
      ...BehindGatewaySettings,
      ...PeerSettings,
      ...KafkaCredentialSettings,
      ...MongodbSettings,
    })
    const read = () =>
      readConfig(Secrets, {
        GATEWAY_SECRET: 'with a space, and s3cret',
        GRPC_SECRET: 's3cret',
        GRPC_TLS_KEY: 's3cret',
        MONGODB_URL: 'mongodb://halles:s3cret@host',
      })
    expect(read).toThrow(/GATEWAY_SECRET[^]*GRPC_SECRET|GRPC_SECRET[^]*GATEWAY_SECRET/)
    expect(read).not.toThrow(/s3cret/)
  })
})

describe('readConfig in production', () => {
  const Settings = Type.Object(
    { ...BehindGatewaySettings, ...PeerSettings, NODE_ENV: CommonSettings.NODE_ENV },
    { dependencies: settingsRequiredTogether },
  )
  const read = (env: NodeJS.ProcessEnv) => () =>
    readConfig(Settings, { NODE_ENV: 'production', ...env }, [
      productionRequirements.behindGateway,
      productionRequirements.peers,
    ])
  const [own, other] = ['a-secret-of-our-own', 'another-of-our-own']
  const pem = '-----BEGIN CERTIFICATE-----\n…'
  const tls = { GRPC_TLS_CERT: pem, GRPC_TLS_KEY: pem, GRPC_TLS_CA: pem }

  it('reports all unmet requirements at once', () => {
    expect(read({})).toThrow(
      'GATEWAY_SECRET must be set to a secret of your own, or GATEWAY_ONLY to false, in production\n' +
        '  GRPC_SECRET must be set to a secret of your own, or GRPC_TLS_CERT, GRPC_TLS_KEY and GRPC_TLS_CA, in production',
    )
  })

  it('rejects secrets that this repository publishes', () => {
    const published = 'only-for-trying-things-out'
    expect(read({ GATEWAY_SECRET: published, GRPC_SECRET: published })).toThrow(/GATEWAY_SECRET[^]*GRPC_SECRET/)
    expect(read({ GATEWAY_SECRET: own, GRPC_SECRET: published, ...tls })).toThrow(/GRPC_SECRET/)
  })

  it.each([
    ['own secrets', { GATEWAY_SECRET: own, GRPC_SECRET: other }],
    ['certificates for gRPC', { GATEWAY_SECRET: own, ...tls }],
    ['GATEWAY_ONLY=false', { GATEWAY_ONLY: 'false', GRPC_SECRET: other }],
  ])('accepts %s', (_case, env) => {
    expect(read(env)).not.toThrow()
  })

  it('checks no requirements in other environments', () => {
    expect(read({ NODE_ENV: 'development' })).not.toThrow()
    expect(read({ NODE_ENV: '' })).not.toThrow()
  })
})

it('accessOptions in production default to gateway or token only, and to a hidden schema', () => {
  expect(accessOptions({ NODE_ENV: 'production' }).gatewayOnly).toBe(true)
  expect(accessOptions({ NODE_ENV: 'production', GATEWAY_ONLY: false }).gatewayOnly).toBe(false)
  expect(accessOptions({ GATEWAY_ONLY: true }).gatewayOnly).toBe(true)
  expect(accessOptions({}).gatewayOnly).toBe(false)
  expect(accessOptions({ NODE_ENV: 'production' }).openSchema).toBe(false)
  expect(accessOptions({ NODE_ENV: 'production', OPEN_SCHEMA: true }).openSchema).toBe(true)
  expect(accessOptions({ OPEN_SCHEMA: false }).openSchema).toBe(false)
  expect(accessOptions({}).openSchema).toBe(true)
})

describe('gRPC and Kafka credentials', () => {
  const Settings = Type.Object(
    { ...PeerSettings, ...KafkaCredentialSettings },
    { dependencies: settingsRequiredTogether },
  )

  it('are empty without settings', () => {
    const settings = readConfig(Settings, {})
    expect([peerCredentials(settings), kafkaCredentials(settings)]).toEqual([{}, {}])
  })

  it('require all settings of a group', () => {
    expect(() => readConfig(Settings, { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'order' })).toThrow(
      /KAFKA_SASL_PASSWORD is missing/,
    )
    const pem = '-----BEGIN PRIVATE KEY-----'
    expect(() => readConfig(Settings, { GRPC_TLS_KEY: pem })).toThrow(
      /GRPC_TLS_CERT is missing[^]*GRPC_TLS_CA is missing/,
    )
    expect(() => readConfig(Settings, { KAFKA_TLS_KEY: pem })).toThrow(/KAFKA_TLS_CERT is missing beside KAFKA_TLS_KEY/)
    expect(() => readConfig(Settings, { KAFKA_SASL_MECHANISM: 'gssapi' })).toThrow(/KAFKA_SASL_MECHANISM/)
  })
})
