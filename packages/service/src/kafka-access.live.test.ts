import { authority } from '@halles/testkit/certificates'
import { startGuardedKafka } from '@halles/testkit/guard'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Access } from './config.ts'
import { newId } from './ids.ts'
import { kafkaAt } from './kafka.ts'
import { logger } from './log.ts'

const log = logger('test', 'silent')

let started: Awaited<ReturnType<typeof startGuardedKafka>>
let guard: typeof started.guard
beforeAll(async () => {
  started = await startGuardedKafka()
  guard = started.guard
})
afterAll(() => started?.stop())

type Mechanism = NonNullable<Access['sasl']>['mechanism']
const sasl = (mechanism: Mechanism, more: { username?: string; password?: string } = {}) => ({
  sasl: { mechanism, username: guard.username, password: guard.password, ...more },
})
const door = (name: 'scram' | 'both'): string => started.doors[name]

describe('a Kafka that asks who comes', () => {
  it.each([
    ['scram-sha-256 without TLS', 'scram', () => sasl('scram-sha-256')],
    ['scram-sha-512 without TLS', 'scram', () => sasl('scram-sha-512')],
    ['plain under TLS', 'both', () => ({ ...sasl('plain'), tls: { ca: guard.ca } })],
    ['scram-sha-512 under TLS', 'both', () => ({ ...sasl('scram-sha-512'), tls: { ca: guard.ca } })],
  ] as const)('is made topics, sent to, listened to and read by %s', async (_how, name, access) => {
    const kafka = kafkaAt(door(name), 'access-test', log, access())
    await eventually('it answers', () =>
      kafka.ping().then(
        () => true,
        () => false,
      ),
    ) // once it has warmed up
    const topic = `access-${newId()}`
    await kafka.ensureTopic(topic, 2)
    const publisher = kafka.publisher()
    await publisher.send(topic, [{ key: 'a', value: 'bonjour' }])
    const heard: unknown[] = []
    const listener = await kafka.listen({
      groupId: topic,
      topic,
      onBatch: async (messages) => void heard.push(...messages.map(({ value }) => value)),
    })
    await eventually('it is heard', () => heard.length === 1)
    expect(heard).toEqual(['bonjour'])
    await Promise.all([publisher.close(), listener.close()])
    const read: unknown[] = []
    await kafka.readTopic({ topic, onBatch: (messages) => void read.push(...messages.map(({ value }) => value)) })
    expect(read).toEqual(['bonjour'])
  })

  it.each([
    ['no one', 'scram', () => ({})],
    ['a wrong password', 'scram', () => sasl('scram-sha-512', { password: 'guessed' })],
    ['a stranger', 'scram', () => sasl('scram-sha-256', { username: 'nobody' })],
    ['PLAIN where there is no TLS', 'scram', () => sasl('plain')],
    ['who does not speak TLS', 'both', () => sasl('plain')],
  ] as const)('lets in %s not', async (_who, name, access) => {
    await expect(kafkaAt(door(name), 'access-test', log, access()).ping()).rejects.toThrow()
  })

  it('is not spoken to when another authority signed what it shows, so that no password is told to it', async () => {
    const { ca } = await authority()
    const access = { ...sasl('plain'), tls: { ca } }
    await expect(kafkaAt(door('both'), 'access-test', log, access).ping()).rejects.toThrow(/certificate|self.signed/i)
    await expect(kafkaAt(door('both'), 'access-test', log, { ...sasl('plain'), tls: {} }).ping()).rejects.toThrow(
      /certificate|self.signed/i,
    )
  })

  it('is told of in the log without a password, when it does not let us in', async () => {
    const lines: string[] = []
    const listening = { ...log, warn: (...said: unknown[]) => void lines.push(JSON.stringify(said)) } as typeof log
    const publisher = kafkaAt(
      door('scram'),
      'access-test',
      listening,
      sasl('scram-sha-512', { password: 'guessed' }),
    ).publisher()
    onTestFinished(() => publisher.close())
    await expect(publisher.send('any', [{ key: 'a', value: 'b' }])).rejects.toThrow(/authentication/i)
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join()).not.toContain('guessed')
  })
})
