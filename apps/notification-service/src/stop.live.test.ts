import { startServers, type Servers } from '@halles/servers'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { openMongo, type Mongo } from '@halles/service/mongo'
import { ownDatabase } from '@halles/testkit/database'
import { eventually } from '@halles/testkit/wait'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { someCustomer, someEvent } from '../test/events.ts'
import { mailServer } from '../test/mail-server.ts'
import { ownSubscription, startOn } from '../test/running.ts'
import { lettersIn } from './letters.ts'

// These stop servers, so they have servers of their own.

let servers: Servers
beforeAll(async () => {
  servers = await startServers({ need: ['mongodb', 'kafka'], ways: ['container', 'process'] })
})
afterAll(() => servers?.stop())

const closers: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all((['mongodb', 'kafka'] as const).map((name) => servers.kill(name, 'SIGCONT').catch(() => {})))
  for (const close of closers.splice(0).toReversed()) await close()
})

/** The service as a process, with letters in hand for which the mail server has no answer. */
async function withLettersInHand() {
  const database = ownDatabase(servers.mongodb!)
  const mongo: Mongo = await openMongo(database, 'notification-test')
  const letters = await lettersIn(mongo.db)
  const mail = await mailServer()
  mail.answers.data = () => new Promise(() => {})
  const subscription = ownSubscription()
  const broker = kafkaAt(servers.kafka!, 'notification-test', logger('test', 'silent'))
  await broker.ensureTopic(subscription.topic, 1)
  const publisher = broker.publisher()
  const env = {
    MONGODB_URL: database,
    KAFKA_BROKERS: servers.kafka!,
    SMTP_URL: mail.url,
    JWKS_URL: 'http://127.0.0.1:1/jwks.json',
  }
  const service = startOn(subscription, env)
  closers.push(mongo.close, mail.close, publisher.close, service.kill)
  await service.listening
  const events = Array.from({ length: 8 }, () => someEvent({ customer: someCustomer() }))
  const tell = () =>
    publisher.send(
      subscription.topic,
      events.map((event) => ({ key: event.subject, value: JSON.stringify(event) })),
    )
  await tell()
  await eventually('letters are handed over', () => mail.tried.size >= 5)
  return { service, letters, tell, isFree: async () => (await letters.nextDue(new Date())) !== undefined }
}

describe('SIGTERM, while the mail server hangs,', () => {
  it('gives the letters in hand back at once', async () => {
    const { service, letters } = await withLettersInHand()
    const { code, took } = await service.stop()
    expect(code).toBe(0)
    expect(took).toBeLessThan(10_000)
    const until = new Date(Date.now() + 1)
    const free = await letters.claim(100, 'another', until, until)
    expect(free).toHaveLength(8)
    expect(free.every(({ attempts, failures }) => attempts === 0 && failures === 0)).toBe(true)
  })

  it.each([
    [['kafka'], 'SIGSTOP'],
    [['mongodb'], 'SIGSTOP'],
    [['mongodb', 'kafka'], 'SIGSTOP'],
    [['kafka'], 'SIGKILL'],
    [['mongodb', 'kafka'], 'SIGKILL'],
  ] as const)('and %j got a %s, ends within 10 s and well', async (names, signal) => {
    const { service, tell, isFree } = await withLettersInHand()
    await Promise.all(names.map((name) => servers.kill(name, signal)))
    // What is heard now cannot be recorded.
    if (!names.some((name) => name === 'kafka')) await tell()
    const { code, took } = await service.stop()
    if (signal === 'SIGKILL') await Promise.all(names.map((name) => servers.restart(name)))
    expect(code, service.lines.slice(-5).join('\n')).toBe(0)
    expect(took).toBeLessThan(10_000)
    if (!names.some((name) => name === 'mongodb')) expect(await isFree()).toBe(true)
  })
})
