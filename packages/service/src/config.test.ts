import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Type } from 'typebox'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Common, KafkaBrokers, MongodbUrl, readConfig } from './config.ts'

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
})
