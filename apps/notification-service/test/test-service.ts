import { randomUUID } from 'node:crypto'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { authorizationHeader, findTestPublicKey, type TestPrincipal } from '@halles/test-fixtures/principals'
import { startProcess, type Process } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import type { AccountEvent } from '@halles/contracts/account-events'
import type { OrderEvent } from '@halles/contracts/order-events'
import { createKafka, type Publisher } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { createApp } from '../src/app.ts'
import { parseConfig } from '../src/config.ts'
import type { Consumers } from '../src/consumers.ts'
import { createAccountDeletion, LINK_SECRET } from './events.ts'

/** Creates topic names and consumer groups that no other test uses. */
export function createTestConsumers(): Consumers {
  const topic = `order-events-${randomUUID()}`
  const createConfig = (name: string) => ({ topic: name, dlq: `${topic}.dlq`, groupId: name })
  return {
    orderEvents: createConfig(topic),
    accountEvents: createConfig(`${topic}-accounts`),
    accountDeletions: createConfig(`${topic}-deletions`),
  }
}

/** Publishes events as their service does: keyed by subject, as JSON. */
export const publishEvents = (publisher: Publisher, topic: string, events: { subject: string }[]): Promise<void> =>
  publisher.send(
    topic,
    events.map((event) => ({ key: event.subject, value: JSON.stringify(event) })),
  )

/** Starts notification-service as a process on these topics, configured by its environment. `flags` are Node's. */
export const startServiceProcess = (consumers: Consumers, env: Record<string, string>, flags: string[] = []): Process =>
  startProcess(new URL('main.ts', import.meta.url), { CONSUMERS: JSON.stringify(consumers), ...env }, flags)

/** Starts notification-service in this process, on a database and topics that no other test uses. */
export async function startTestService(
  { mongodb, kafka: brokers, smtp }: Record<'mongodb' | 'kafka' | 'smtp', string>,
  { retryScale = 1, shopUrl }: { retryScale?: number; shopUrl?: string } = {},
) {
  const consumers = createTestConsumers()
  const mongodbUrl = uniqueDatabaseUrl(mongodb)
  const settings = parseConfig({
    PORT: '0',
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
    JWKS_URL: 'http://127.0.0.1:1/jwks.json',
    MONGODB_URL: mongodbUrl,
    KAFKA_BROKERS: brokers,
    SMTP_URL: smtp,
    RETRY_SCALE: String(retryScale),
    SHOP_URL: shopUrl,
    ACCOUNT_LINK_SECRET: LINK_SECRET,
  })
  const app = await createApp(settings, { findPublicKey: findTestPublicKey, consumers })
  const kafka = createKafka(brokers, 'notification-test', createLogger('test', 'silent'))
  await kafka.ensureTopic(consumers.orderEvents.topic, 6)
  await kafka.ensureTopic(consumers.accountEvents.topic, 3)
  await kafka.ensureTopic(consumers.accountDeletions.topic, 1)
  const publisher = kafka.publisher()

  const request = async (principal: TestPrincipal | undefined, method: 'GET' | 'POST', url: string, payload?: object) =>
    app.inject({
      method,
      url,
      headers: principal ? await authorizationHeader(principal) : {},
      ...(payload && { payload }),
    })

  return {
    app,
    kafka,
    mongodbUrl,
    consumers,
    request,
    /** Publishes events of orders as order-service does. */
    publishOrderEvents: (...events: OrderEvent[]) => publishEvents(publisher, consumers.orderEvents.topic, events),
    /** Publishes events of accounts as auth-service does. */
    publishAccountEvents: (...events: AccountEvent[]) =>
      publishEvents(publisher, consumers.accountEvents.topic, events),
    /** Publishes the deletion of an account as auth-service does. */
    publishAccountDeletion: (userId: string) =>
      publishEvents(publisher, consumers.accountDeletions.topic, [createAccountDeletion(userId)]),
    /** Publishes any message to the topic of order events. */
    publishMessage: (key: string, value: string | Buffer | null, headers: Record<string, string> = {}) =>
      publisher.send(consumers.orderEvents.topic, [{ key, value, headers }]),
    graphql: async (principal: TestPrincipal | undefined, query: string, variables: object = {}) =>
      (await request(principal, 'POST', '/graphql', { query, variables })).json(),
    close: async () => {
      await publisher.close()
      await app.close()
    },
  }
}

export type TestService = Awaited<ReturnType<typeof startTestService>>

/** An e-mail as the API of maildev returns it. */
export type ReceivedEmail = {
  subject: string
  text: string
  html: string
  headers: Record<string, string>
  to: { address: string; name: string }[]
}

/**
 * The e-mails to an address in the mailbox (maildev), once there are at least `count`. The request filters by address,
 * because the mailbox holds thousands of e-mails of all tests.
 */
export const findReceivedEmails = (mailbox: string, address: string, count = 1): Promise<ReceivedEmail[]> =>
  eventually(`the mailbox has ${count} e-mails to ${address}`, async () => {
    const response = await fetch(`${mailbox}/api/email?${new URLSearchParams({ 'to.address': address }).toString()}`)
    const received = (await response.json()) as ReceivedEmail[]
    const matching = received.filter(({ to }) => to.some((recipient) => recipient.address === address))
    return matching.length >= count && matching
  })
