import { startServers, type Servers } from '@halles/test-servers'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { eventually, rejectAfter } from '@halles/test-fixtures/wait'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createCustomer, createOrderEvent } from '../test/events.ts'
import { startMailServer } from '../test/mail-server.ts'
import { createTestConsumers, publishEvents, startServiceProcess } from '../test/test-service.ts'
import { createEmailStore } from './emails/emails.ts'

// These tests stop servers, so they start servers of their own.

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

/** Starts the service as a process, and waits until attempts are in flight that the mail server never answers. */
async function startWithAttemptsInFlight() {
  const database = uniqueDatabaseUrl(servers.mongodb!)
  const mongo: MongoConnection = await connectMongo(database, 'notification-test')
  const emails = await createEmailStore(mongo.db)
  const mailServer = await startMailServer()
  mailServer.answers.data = () => new Promise(() => {})
  const consumers = createTestConsumers()
  const { topic } = consumers.orderEvents
  const kafka = createKafka(servers.kafka!, 'notification-test', createLogger('test', 'silent'))
  await kafka.ensureTopic(topic, 1)
  const publisher = kafka.publisher()
  const env = {
    MONGODB_URL: database,
    KAFKA_BROKERS: servers.kafka!,
    SMTP_URL: mailServer.url,
    JWKS_URL: 'http://127.0.0.1:1/jwks.json',
  }
  const service = startServiceProcess(consumers, env)
  closers.push(mongo.close, mailServer.close, publisher.close, service.kill)
  const url = await service.listening
  const events = Array.from({ length: 8 }, () => createOrderEvent({ customer: createCustomer() }))
  const publish = () => publishEvents(publisher, topic, events)
  await publish()
  await eventually('attempts are in flight', () => mailServer.attempted.size >= 5)
  return { service, url, emails, publish, isReleased: async () => (await emails.nextDueAt(new Date())) !== undefined }
}

describe('notification-service, on SIGTERM while the mail server hangs', () => {
  it('releases its leased e-mails at once', async () => {
    const { service, emails } = await startWithAttemptsInFlight()
    const { code, took } = await service.stop()
    expect(code).toBe(0)
    expect(took).toBeLessThan(10_000)
    const until = new Date(Date.now() + 1)
    const released = await emails.lease(100, 'another worker', until, until)
    expect(released).toHaveLength(8)
    expect(released.every(({ attempts, failedAttempts }) => attempts === 0 && failedAttempts === 0)).toBe(true)
  })

  it.each([
    [['kafka'], 'SIGSTOP'],
    [['mongodb'], 'SIGSTOP'],
    [['mongodb', 'kafka'], 'SIGSTOP'],
    [['kafka'], 'SIGKILL'],
    [['mongodb', 'kafka'], 'SIGKILL'],
  ] as const)('exits with 0 within 10 s after %j got a %s', async (names, signal) => {
    const { service, publish, isReleased } = await startWithAttemptsInFlight()
    await Promise.all(names.map((name) => servers.kill(name, signal)))
    // What is consumed now cannot be recorded.
    if (!names.some((name) => name === 'kafka')) await publish()
    const { code, took } = await service.stop()
    if (signal === 'SIGKILL') await Promise.all(names.map((name) => servers.restart(name)))
    expect(code, service.lines.slice(-5).join('\n')).toBe(0)
    expect(took).toBeLessThan(10_000)
    if (!names.some((name) => name === 'mongodb')) expect(await isReleased()).toBe(true)
  })
})

describe('notification-service, while MongoDB is frozen', () => {
  it('serves its metrics within seconds, with NaN for what is counted in MongoDB', async () => {
    const { url } = await startWithAttemptsInFlight()
    await servers.kill('mongodb', 'SIGSTOP')
    const response = await rejectAfter(5000, fetch(`${url}/metrics`))
    const body = await response.text()
    expect(response.status).toBe(200)
    expect(body).toMatch(/^order_events_total\{outcome="recorded",.*\} \d+$/m)
    for (const name of ['emails_oldest_pending_seconds', 'emails_pending', 'emails_failed', 'dead_letters'])
      expect(body).toMatch(new RegExp(`^${name}\\{.*\\} nan$`, 'mi')) // prom-client writes Nan, which Prometheus reads
  })
})
