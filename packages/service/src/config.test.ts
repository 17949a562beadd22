import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Type } from 'typebox'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  accessOf,
  BehindGateway,
  Common,
  demands,
  dependencies,
  doorsOf,
  KafkaAccess,
  KafkaBrokers,
  MongodbUrl,
  Peers,
  readConfig,
  trustOf,
} from './config.ts'

const Settings = Type.Object({ ...Common, ...MongodbUrl, ...KafkaBrokers })
const good = {
  PORT: '4003',
  MONGODB_URL: 'mongodb://127.0.0.1:27017/halles_order?replicaSet=rs0',
  KAFKA_BROKERS: 'a:1,b:2',
}

describe('settings', () => {
  it('are typed, with defaults where there are some; an empty variable is none', () => {
    expect(readConfig(Settings, { ...good, LOG_LEVEL: '', UNRELATED: 'x' })).toEqual({
      ...good,
      PORT: 4003,
      HOST: '127.0.0.1',
      OPERATOR_HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
      JWT_ISSUER: 'halles',
      JWT_AUDIENCE: 'halles',
    })
  })

  it('that are wrong are all told at once, by name', () => {
    const read = () => readConfig(Settings, { PORT: 'high', MONGODB_URL: 'mongodb://127.0.0.1:27017' })
    expect(read).toThrow(/PORT must be integer/)
    expect(read).toThrow(/MONGODB_URL has the wrong form .*with the name of the database/)
    expect(read).toThrow(/KAFKA_BROKERS is missing/)
  })

  it('that need each other are told by the one that is missing', () => {
    const Pair = Type.Object(
      { NAME: Type.Optional(Type.String()), PASSWORD: Type.Optional(Type.String()) },
      { dependencies: { NAME: ['PASSWORD'], PASSWORD: ['NAME'] } },
    )
    expect(() => readConfig(Pair, { NAME: 'a' })).toThrow(/PASSWORD is missing beside NAME/)
    expect(readConfig(Pair, {})).toEqual({})
  })

  it('may be in files, as secrets are mounted', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'halles-config-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(path.join(folder, 'url'), `${good.MONGODB_URL}\n`)
    const { MONGODB_URL: _, ...rest } = good
    expect(readConfig(Settings, { ...rest, MONGODB_URL_FILE: path.join(folder, 'url') }).MONGODB_URL).toBe(
      good.MONGODB_URL,
    )
    expect(() => readConfig(Settings, { ...rest, MONGODB_URL_FILE: '/nowhere' })).toThrow(/MONGODB_URL_FILE: ENOENT/)
  })

  it('of which one is wrong are told without what they are', () => {
    const Secrets = Type.Object({ ...BehindGateway, ...Peers, ...KafkaAccess, ...MongodbUrl })
    const told = () =>
      readConfig(Secrets, {
        GATEWAY_SECRET: 'with a blank, and s3cret',
        GRPC_SECRET: 's3cret',
        GRPC_TLS_KEY: 's3cret',
        MONGODB_URL: 'mongodb://halles:s3cret@host',
      })
    expect(told).toThrow(/GATEWAY_SECRET[^]*GRPC_SECRET|GRPC_SECRET[^]*GATEWAY_SECRET/)
    expect(told).not.toThrow(/s3cret/)
  })
})

describe('in production', () => {
  const Guarded = Type.Object({ ...BehindGateway, ...Peers, NODE_ENV: Common.NODE_ENV }, { dependencies })
  const read = (env: NodeJS.ProcessEnv) => () =>
    readConfig(Guarded, { NODE_ENV: 'production', ...env }, [demands.behindGateway, demands.peers])
  const [own, other] = ['a-secret-of-our-own', 'another-of-our-own']
  const pem = '-----BEGIN CERTIFICATE-----\n…'
  const tls = { GRPC_TLS_CERT: pem, GRPC_TLS_KEY: pem, GRPC_TLS_CA: pem }

  it('all that is missing is told at once', () => {
    expect(read({})).toThrow(
      'GATEWAY_SECRET must be set to a secret of your own, or GATEWAY_ONLY to false, in production\n' +
        '  GRPC_SECRET must be set to a secret of your own, or GRPC_TLS_CERT, GRPC_TLS_KEY and GRPC_TLS_CA, in production',
    )
  })

  it('a secret that is in this repository is none', () => {
    const known = 'only-for-trying-things-out'
    expect(read({ GATEWAY_SECRET: known, GRPC_SECRET: known })).toThrow(/GATEWAY_SECRET[^]*GRPC_SECRET/)
    expect(read({ GATEWAY_SECRET: own, GRPC_SECRET: known, ...tls })).toThrow(/GRPC_SECRET/)
  })

  it.each([
    ['secrets of its own', { GATEWAY_SECRET: own, GRPC_SECRET: other }],
    ['certificates', { GATEWAY_SECRET: own, ...tls }],
    ['a door that is open on purpose', { GATEWAY_ONLY: 'false', GRPC_SECRET: other }],
  ])('%s will do', (_what, env) => {
    expect(read(env)).not.toThrow()
  })

  it('elsewhere nothing is asked for', () => {
    expect(read({ NODE_ENV: 'development' })).not.toThrow()
    expect(read({ NODE_ENV: '' })).not.toThrow()
  })

  it('in production it answers the gateway and who is signed in, and tells no schema, unless it is said otherwise', () => {
    expect(doorsOf({ NODE_ENV: 'production' }).gatewayOnly).toBe(true)
    expect(doorsOf({ NODE_ENV: 'production', GATEWAY_ONLY: false }).gatewayOnly).toBe(false)
    expect(doorsOf({ GATEWAY_ONLY: true }).gatewayOnly).toBe(true)
    expect(doorsOf({}).gatewayOnly).toBe(false)
    expect(doorsOf({ NODE_ENV: 'production' }).openSchema).toBe(false)
    expect(doorsOf({ NODE_ENV: 'production', OPEN_SCHEMA: true }).openSchema).toBe(true)
    expect(doorsOf({ OPEN_SCHEMA: false }).openSchema).toBe(false)
    expect(doorsOf({}).openSchema).toBe(true)
  })
})

describe('ways in', () => {
  const Ways = Type.Object({ ...Peers, ...KafkaAccess }, { dependencies })

  it('are none where nothing is said', () => {
    const settings = readConfig(Ways, {})
    expect([trustOf(settings), accessOf(settings)]).toEqual([{}, {}])
  })

  it('need all of their parts', () => {
    expect(() => readConfig(Ways, { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'order' })).toThrow(
      /KAFKA_SASL_PASSWORD is missing/,
    )
    const pem = '-----BEGIN PRIVATE KEY-----'
    expect(() => readConfig(Ways, { GRPC_TLS_KEY: pem })).toThrow(/GRPC_TLS_CERT is missing[^]*GRPC_TLS_CA is missing/)
    expect(() => readConfig(Ways, { KAFKA_TLS_KEY: pem })).toThrow(/KAFKA_TLS_CERT is missing beside KAFKA_TLS_KEY/)
    expect(() => readConfig(Ways, { KAFKA_SASL_MECHANISM: 'gssapi' })).toThrow(/KAFKA_SASL_MECHANISM/)
  })
})
