import { randomUUID } from 'node:crypto'
import { ownDatabase } from '@halles/testkit/database'
import { as, testKeyOf, type TestPerson } from '@halles/testkit/people'
import { startProcess, type Process } from '@halles/testkit/process'
import { eventually } from '@halles/testkit/wait'
import type { AccountEvent } from '@halles/contracts/account-events'
import type { OrderEvent } from '@halles/contracts/order-events'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { createApp } from '../src/app.ts'
import { configFrom } from '../src/config.ts'
import type { Subscription } from '../src/events.ts'
import { LINK_SECRET, someDeletion } from './events.ts'

/** Topic names and a group that no other test uses. */
export function ownSubscription(): Subscription {
  const topic = `order-events-${randomUUID()}`
  return { topic, dlq: `${topic}.dlq`, groupId: topic }
}

/** What goes with it: a topic and a group for what becomes of accounts. */
export const accountsBeside = ({ topic, dlq }: Subscription): Subscription => ({
  topic: `${topic}-accounts`,
  dlq,
  groupId: `${topic}-accounts`,
})

export const deletionsBeside = ({ topic, dlq }: Subscription): Subscription => ({
  topic: `${topic}-deletions`,
  dlq,
  groupId: `${topic}-deletions`,
})

/** Notification-service as a process of its own on these topics, told the rest by its environment. `flags` are node's. */
export const startOn = (subscription: Subscription, env: Record<string, string>, flags: string[] = []): Process =>
  startProcess(new URL('main.ts', import.meta.url), { SUBSCRIPTION: JSON.stringify(subscription), ...env }, flags)

/** Notification-service on a database and topics of its own, and what tests say to it. */
export async function startNotificationService(
  { mongodb, kafka, smtp }: Record<'mongodb' | 'kafka' | 'smtp', string>,
  { retryScale = 1, shopUrl }: { retryScale?: number; shopUrl?: string } = {},
) {
  const subscription = ownSubscription()
  const aboutAccounts = accountsBeside(subscription)
  const deletions = deletionsBeside(subscription)
  const mongodbUrl = ownDatabase(mongodb)
  const settings = configFrom({
    PORT: '0',
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
    JWKS_URL: 'http://127.0.0.1:1/jwks.json',
    MONGODB_URL: mongodbUrl,
    KAFKA_BROKERS: kafka,
    SMTP_URL: smtp,
    RETRY_SCALE: String(retryScale),
    SHOP_URL: shopUrl,
    ACCOUNT_LINK_SECRET: LINK_SECRET,
  })
  const app = await createApp(settings, { keyOf: testKeyOf, subscription, aboutAccounts, deletions })
  const broker = kafkaAt(kafka, 'notification-test', logger('test', 'silent'))
  await broker.ensureTopic(subscription.topic, 6)
  await broker.ensureTopic(aboutAccounts.topic, 3)
  await broker.ensureTopic(deletions.topic, 1)
  const publisher = broker.publisher()

  const request = async (person: TestPerson | undefined, method: 'GET' | 'POST', url: string, payload?: object) =>
    app.inject({ method, url, headers: person ? await as(person) : {}, ...(payload && { payload }) })

  return {
    app,
    broker,
    mongodbUrl,
    subscription,
    aboutAccounts,
    request,
    /** Puts events on the topic as order-service does. */
    tell: (...events: OrderEvent[]) =>
      publisher.send(
        subscription.topic,
        events.map((event) => ({ key: event.subject, value: JSON.stringify(event) })),
      ),
    /** Puts events on the topic of accounts as auth-service does. */
    tellOfAccounts: (...events: AccountEvent[]) =>
      publisher.send(
        aboutAccounts.topic,
        events.map((event) => ({ key: event.subject, value: JSON.stringify(event) })),
      ),
    /** Tells whose account was deleted, as auth-service does. */
    tellOfDeletion: (userId: string) =>
      publisher.send(deletions.topic, [{ key: userId, value: JSON.stringify(someDeletion(userId)) }]),
    /** Puts anything on the topic. */
    say: (key: string, value: string | Buffer | null, headers: Record<string, string> = {}) =>
      publisher.send(subscription.topic, [{ key, value, headers }]),
    graphql: async (person: TestPerson | undefined, query: string, variables: object = {}) =>
      (await request(person, 'POST', '/graphql', { query, variables })).json(),
    close: async () => {
      await publisher.close()
      await app.close()
    },
  }
}

export type Running = Awaited<ReturnType<typeof startNotificationService>>

/** A letter as maildev shows it. */
export type InMailbox = {
  subject: string
  text: string
  html: string
  headers: Record<string, string>
  to: { address: string; name: string }[]
}

/**
 * The letters to an address that are in a mailbox (maildev's), once there are at least `count`. No others are asked for:
 * there are thousands, of all tests.
 */
export const lettersIn = (mailbox: string, address: string, count = 1): Promise<InMailbox[]> =>
  eventually(`${count} letters to ${address}`, async () => {
    const response = await fetch(`${mailbox}/api/email?${new URLSearchParams({ 'to.address': address }).toString()}`)
    const all = (await response.json()) as InMailbox[]
    const theirs = all.filter(({ to }) => to.some((one) => one.address === address))
    return theirs.length >= count && theirs
  })
