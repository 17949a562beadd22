import { createCertificateAuthority } from '@halles/test-fixtures/certificates'
import { startSecuredKafka } from '@halles/test-fixtures/secured-servers'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { KafkaCredentials } from '@halles/config/config'
import { randomUUID } from 'node:crypto'
import { createKafka } from './kafka.ts'
import { createLogger } from '@halles/telemetry/log'

const log = createLogger('test', 'silent')

let started: Awaited<ReturnType<typeof startSecuredKafka>>
let credentials: typeof started.credentials
beforeAll(async () => {
  started = await startSecuredKafka()
  credentials = started.credentials
})
afterAll(() => started?.stop())

type Mechanism = NonNullable<KafkaCredentials['sasl']>['mechanism']
const sasl = (mechanism: Mechanism, more: { username?: string; password?: string } = {}) => ({
  sasl: { mechanism, username: credentials.username, password: credentials.password, ...more },
})
const brokers = (name: 'scram' | 'both'): string => started.listeners[name]

describe('createKafka with credentials', () => {
  it.each([
    ['scram-sha-256 without TLS', 'scram', () => sasl('scram-sha-256')],
    ['scram-sha-512 without TLS', 'scram', () => sasl('scram-sha-512')],
    ['plain under TLS', 'both', () => ({ ...sasl('plain'), tls: { ca: credentials.ca } })],
    ['scram-sha-512 under TLS', 'both', () => ({ ...sasl('scram-sha-512'), tls: { ca: credentials.ca } })],
  ] as const)('creates, publishes to, consumes and reads topics by %s', async (_case, name, access) => {
    const kafka = createKafka(brokers(name), 'access-test', log, access())
    await eventually('the broker answers', () =>
      kafka.ping().then(
        () => true,
        () => false,
      ),
    ) // a new broker does not know its SCRAM users at once
    const topic = `access-${randomUUID()}`
    await kafka.ensureTopic(topic, 2)
    const publisher = kafka.publisher()
    await publisher.send(topic, [{ key: 'a', value: 'bonjour' }])
    const consumed: unknown[] = []
    const consumer = await kafka.consume({
      groupId: topic,
      topic,
      onBatch: async (messages) => void consumed.push(...messages.map(({ value }) => value)),
    })
    await eventually('the message is consumed', () => consumed.length === 1)
    expect(consumed).toEqual(['bonjour'])
    await Promise.all([publisher.close(), consumer.close()])
    const read: unknown[] = []
    await kafka.readTopic({ topic, onBatch: (messages) => void read.push(...messages.map(({ value }) => value)) })
    expect(read).toEqual(['bonjour'])
  })

  it.each([
    ['no credentials', 'scram', () => ({})],
    ['a wrong password', 'scram', () => sasl('scram-sha-512', { password: 'guessed' })],
    ['an unknown user', 'scram', () => sasl('scram-sha-256', { username: 'nobody' })],
    ['PLAIN without TLS', 'scram', () => sasl('plain')],
    ['a connection without TLS to a TLS listener', 'both', () => sasl('plain')],
  ] as const)('is rejected with %s', async (_case, name, access) => {
    await expect(createKafka(brokers(name), 'access-test', log, access()).ping()).rejects.toThrow()
  })

  it('sends no password to a broker whose certificate another authority signed', async () => {
    const { ca } = await createCertificateAuthority()
    const access = { ...sasl('plain'), tls: { ca } }
    await expect(createKafka(brokers('both'), 'access-test', log, access).ping()).rejects.toThrow(
      /certificate|self.signed/i,
    )
    await expect(
      createKafka(brokers('both'), 'access-test', log, { ...sasl('plain'), tls: {} }).ping(),
    ).rejects.toThrow(/certificate|self.signed/i)
  })

  it('logs failed authentication without the password', async () => {
    const lines: string[] = []
    const recordingLog = { ...log, warn: (...args: unknown[]) => void lines.push(JSON.stringify(args)) } as typeof log
    const publisher = createKafka(
      brokers('scram'),
      'access-test',
      recordingLog,
      sasl('scram-sha-512', { password: 'guessed' }),
    ).publisher()
    onTestFinished(() => publisher.close())
    await expect(publisher.send('any', [{ key: 'a', value: 'b' }])).rejects.toThrow(/authentication/i)
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join()).not.toContain('guessed')
  })
})
