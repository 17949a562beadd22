import { randomUUID } from 'node:crypto'
import type { AccountEvent } from '@halles/contracts/account-events'
import type { OrderEvent } from '@halles/contracts/order-events'
import type { KafkaClient, Publisher } from '@halles/kafka/kafka'
import { createAdmin } from '@halles/test-fixtures/principals'
import { sendRequest, type Process } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import type { Consumers } from '../src/consumers.ts'
import { isComplete, type DeadLetter } from '../src/dead-letters/dead-letter.ts'
import type { DeadLetterStore } from '../src/dead-letters/dead-letters.ts'
import { toMessageId } from '../src/emails/email.ts'
import type { EmailStore } from '../src/emails/emails.ts'
import { createAccountDeletion, createAccountEvent, createCustomer, createOrderEvent } from './events.ts'
import { header, type MailServer } from './mail-server.ts'
import { publishEvents } from './test-service.ts'

/** What outlives a killed notification-service: its servers, and its stores for the assertions. */
export type Environment = {
  consumers: Consumers
  kafka: KafkaClient
  publisher: Publisher
  emails: EmailStore
  deadLetters: DeadLetterStore
  mailServer: MailServer
  /** The recipients whose messages the mail server never answers. */
  hangingRecipients: Set<string>
}

/** The kinds of scenarios. `hanging` ends with an attempt in flight that the mail server never answers. */
export const scenarioKinds = ['regular', 'hanging'] as const
export type ScenarioKind = (typeof scenarioKinds)[number]

/** Makes the mail server answer by the prefix of the address: `no-` is rejected, `later-` is deferred once. */
export function answerByAddress(mailServer: MailServer, hangingRecipients: ReadonlySet<string>): void {
  const deferred = new Set<string>()
  mailServer.answers.rcpt = (address) => {
    if (address.startsWith('no-')) return 550
    if (!address.startsWith('later-') || deferred.has(address)) return undefined
    deferred.add(address)
    return 451
  }
  mailServer.answers.data = ({ to: [address] }) =>
    hangingRecipients.has(address!) ? new Promise<undefined>(() => {}) : undefined
}

type Poison = { key: string; value: string | Buffer | null }

/**
 * Creates a scenario: messages and requests for a service that may be killed meanwhile, and the invariants that hold once
 * it has restarted: one e-mail for each event, a dead letter for each poison message, and every 202 kept.
 */
export function createScenario(environment: Environment) {
  const { consumers, publisher, emails, deadLetters, mailServer, hangingRecipients } = environment
  const admin = createAdmin()
  const orderId = randomUUID()
  const createRecipient = (prefix: string) => createCustomer({ email: `${prefix}${randomUUID()}@example.test` })
  const customer = createRecipient('')
  const [first, second, third] = [1, 2, 3].map((sequence) => createOrderEvent({ orderId, sequence, customer }))
  const rejected = createOrderEvent({ customer: createRecipient('no-') })
  const deferred = createOrderEvent({ customer: createRecipient('later-') })
  const hanging = createOrderEvent({ customer: createRecipient('') })
  /** A valid event that an older version of the service dead-lettered. */
  const misjudged = createOrderEvent({ customer: createRecipient('') })
  const createPoison = (value: Poison['value']): Poison => ({ key: randomUUID(), value })
  // The queue accepts 3 kB at a time: these are too large together, and the last one is too large by itself.
  const poison = ['nonsense', null, Buffer.from([0xff, 0x00]), 'y'.repeat(2000), 'z'.repeat(5000)].map(createPoison)

  const accountEvent = createAccountEvent('account.password-reset-requested', { user: createRecipient('') })

  /** Whether the deletion of the account whose e-mail was rejected is published. */
  let isDeletionPublished = false
  /** What is on the topics for certain. */
  const publishedOrderEvents: OrderEvent[] = []
  const publishedAccountEvents: AccountEvent[] = []
  const publishedPoison: Poison[] = []
  /** The admin's requests, and whether they were answered with 202. */
  const adminRequests: { action: 'resend' | 'redrive'; target: string; isAccepted: boolean }[] = []

  const publishOrderEvents = async (...events: OrderEvent[]): Promise<void> => {
    await publishEvents(publisher, consumers.orderEvents.topic, events)
    publishedOrderEvents.push(...events)
  }
  const publishAccountEvent = async (): Promise<AccountEvent> => {
    const event = await accountEvent
    await publishEvents(publisher, consumers.accountEvents.topic, [event])
    publishedAccountEvents.push(event)
    return event
  }
  const publishPoison = async (): Promise<void> => {
    await publisher.send(consumers.orderEvents.topic, poison)
    publishedPoison.push(...poison)
  }
  const findAccountEmails = async ({ subject }: AccountEvent) =>
    (await emails.findPage({ owner: subject }, { first: 10 })).items
  const findOrderEmails = async ({ subject, id }: OrderEvent) =>
    (await emails.findByOrders([subject], undefined)).filter(({ eventId }) => eventId === id)
  const findDeadLetters = async (key: string) => {
    const { items } = await deadLetters.findPage({}, { first: 1000 })
    return items.filter((deadLetter) => deadLetter.key?.toString() === key)
  }

  /** The steps against one running process. Each throws `processEnded` when the process has ended. */
  const createSteps = (process: Process, url: string) => {
    const waitUntil = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
      try {
        await eventually(what, async () => {
          if (!process.isRunning()) throw processEnded
          return condition()
        })
      } catch (error) {
        if (error === processEnded) throw error
        throw new Error(`${(error as Error).message}\n${process.lines.slice(-10).join('\n')}`, { cause: error })
      }
    }
    const waitForStatus = (event: OrderEvent, status = 'SENT') =>
      waitUntil(
        `the e-mail about ${event.id} is ${status}`,
        async () => (await findOrderEmails(event))[0]?.status === status,
      )
    const requestAsAdmin = async (action: 'resend' | 'redrive', target: string, route: string) => {
      const adminRequest = { action, target, isAccepted: false }
      adminRequests.push(adminRequest)
      const response = await sendRequest(url, admin, 'POST', route)
      if (response === undefined) throw processEnded
      adminRequest.isAccepted = response.status === 202
      if (!adminRequest.isAccepted) throw new Error(`${route} answered ${response.status} ${response.body.detail}`)
    }
    const redrive = async (key: string, id: string) =>
      requestAsAdmin('redrive', key, `/dead-letters/${encodeURIComponent(id)}/redrive`)
    const waitForDeadLetters = async (key: string, origins: number) => {
      await waitUntil(
        `${origins} dead letters have the key ${key}`,
        async () => new Set((await findDeadLetters(key)).map(toOriginKey)).size >= origins,
      )
      return (await findDeadLetters(key))[0]!.id
    }

    return {
      regular: async (): Promise<void> => {
        await publishOrderEvents(first!)
        const published = await publishAccountEvent()
        await publishPoison()
        await publishOrderEvents(second!, rejected, deferred)
        for (const event of [first!, second!, deferred]) await waitForStatus(event)
        await waitForStatus(rejected, 'FAILED')
        await waitUntil(
          'the e-mail about the account is SENT',
          async () => (await findAccountEmails(published))[0]?.status === 'SENT',
        )
        for (const { key } of poison) await waitForDeadLetters(key, 1)

        const headers = { reason: 'too new', 'origin-topic': consumers.orderEvents.topic }
        const message = { key: misjudged.subject, value: JSON.stringify(misjudged), headers }
        await publisher.send(consumers.orderEvents.dlq, [message])
        await redrive(misjudged.subject, await waitForDeadLetters(misjudged.subject, 1))
        await waitForStatus(misjudged)
        const [{ key }] = poison as [Poison]
        await redrive(key, await waitForDeadLetters(key, 1))
        await waitForDeadLetters(key, 2)

        const { id } = (await findOrderEmails(first!))[0]!
        await requestAsAdmin('resend', first!.id, `/notifications/${id}/resend`)
        await waitUntil('the e-mail is resent', async () => (await findOrderEmails(first!))[0]!.attempts >= 2)
        await publishOrderEvents(first!, second!, third!)
        await waitForStatus(third!)

        const deletion = createAccountDeletion(rejected.data.customer.id)
        await publishEvents(publisher, consumers.accountDeletions.topic, [deletion])
        isDeletionPublished = true
        await waitUntil(
          'the e-mail of the deleted account is anonymized',
          async () => (await findOrderEmails(rejected))[0]?.recipient === '',
        )
      },
      hanging: async (): Promise<void> => {
        hangingRecipients.add(hanging.data.customer.email)
        await publishOrderEvents(hanging)
        await waitUntil('the attempt is in flight', async () => mailServer.attempted.has(hanging.data.customer.email))
      },
    }
  }

  /** Runs the scenario against a process, until either ends, and stops the process. */
  const run = async (kind: ScenarioKind, process: Process) => {
    const url = await process.listening
    try {
      if (url !== undefined) await createSteps(process, url)[kind]()
    } catch (error) {
      if (error !== processEnded) {
        await process.kill()
        throw error
      }
    }
    const exit = await process.stop()
    hangingRecipients.delete(hanging.data.customer.email)
    return exit
  }

  /** The violated invariants, once the service has processed everything. */
  const findViolations = async (): Promise<string[]> => {
    const violations: string[] = []
    const check = (violation: string, holds: boolean): void => void (holds || violations.push(violation))
    const findRequests = (action: string, target: string) =>
      adminRequests.filter((request) => request.action === action && request.target === target)
    const findMessageIds = (event: OrderEvent) => {
      const received = mailServer.caught.filter(({ to }) => to[0] === event.data.customer.email)
      return new Set(received.map((message) => header(message, 'Message-ID')))
    }

    for (const event of new Set(publishedOrderEvents)) {
      const found = await findOrderEmails(event)
      check(`${event.id} has ${found.length} e-mails`, found.length === 1)
      const status = event === rejected ? 'FAILED' : 'SENT'
      check(`the e-mail about ${event.id} is ${found[0]?.status}`, found[0]?.status === status)
      if (event === rejected && isDeletionPublished)
        check('the e-mail of the deleted account is not anonymized', found[0]?.recipient === '')
      const resends = event === first ? findRequests('resend', event.id) : []
      const expected = [0, ...resends.map(() => 1)].map(
        (resend) => `<${toMessageId({ eventId: event.id, resend }, 'halles.example')}>`,
      )
      const received = [...findMessageIds(event)].filter((id) => id?.startsWith(`<${event.id}`))
      check(
        `the e-mail about ${event.id} was received as ${received.join()}`,
        received.every((id) => expected.includes(id!)),
      )
      if (status === 'SENT') check(`the e-mail about ${event.id} was not received`, received.includes(expected[0]))
      if (resends.some(({ isAccepted }) => isAccepted))
        check(`the resend of ${event.id} was not received`, received.includes(expected[1]))
    }
    for (const event of publishedAccountEvents) {
      const found = await findAccountEmails(event)
      check(`account event ${event.id} has ${found.length} e-mails`, found.length === 1)
      check(`the e-mail about account event ${event.id} is ${found[0]?.status}`, found[0]?.status === 'SENT')
      const messageIds = mailServer.caught
        .filter(({ to }) => to[0] === event.data.user.email)
        .map((message) => header(message, 'Message-ID'))
      check(
        `the e-mail about account event ${event.id} was received as ${messageIds.join()}`,
        new Set(messageIds).size === 1 && messageIds[0]!.startsWith(`<${event.id}@`),
      )
    }
    for (const { key, value } of publishedPoison) {
      const found = await findDeadLetters(key)
      const origins = new Set(found.map(toOriginKey))
      const redrives = findRequests('redrive', key)
      check(
        `poison ${key} is on the queue from ${origins.size} origins`,
        origins.size >= 1 && origins.size <= 1 + redrives.length,
      )
      if (redrives.some(({ isAccepted }) => isAccepted))
        check(`poison ${key} was accepted and not redriven`, origins.size === 2)
      if (found.some((deadLetter) => deadLetter.redrives > 0))
        check(`poison ${key} was marked and not redriven`, origins.size === 2)
      for (const deadLetter of await deadLetters.findByIds(found.map(({ id }) => id)))
        check(
          `poison ${key} has changed`,
          !isComplete(deadLetter) || Buffer.from(value ?? '').equals(deadLetter.value ?? Buffer.of()),
        )
    }
    const found = await findOrderEmails(misjudged)
    check(`${misjudged.id} has ${found.length} e-mails`, found.length <= 1)
    const isMarked = (await findDeadLetters(misjudged.subject)).some(({ redrives }) => redrives > 0)
    if (isMarked) check(`${misjudged.id} was marked and not redriven`, found[0]?.status === 'SENT')
    if (findRequests('redrive', misjudged.subject).some(({ isAccepted }) => isAccepted))
      check(`${misjudged.id} was accepted and not marked`, isMarked)
    return violations
  }

  return { run, findViolations }
}

export type Scenario = ReturnType<typeof createScenario>

const processEnded = new Error('the process has ended')

const toOriginKey = ({ origin: { topic, partition, offset } }: DeadLetter) => [topic, partition, offset].join('/')
