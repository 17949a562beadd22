import { randomUUID } from 'node:crypto'
import type { AccountEvent } from '@halles/contracts/account-events'
import type { OrderEvent } from '@halles/contracts/order-events'
import type { Broker, Publisher } from '@halles/service/kafka'
import { someAdmin } from '@halles/testkit/people'
import { say, type Process } from '@halles/testkit/process'
import { eventually } from '@halles/testkit/wait'
import { isWhole } from '../src/dead-letter.ts'
import type { DeadLetters } from '../src/dead-letters.ts'
import type { Subscription } from '../src/events.ts'
import { messageIdOf } from '../src/letter.ts'
import type { Letters } from '../src/letters.ts'
import { someAccountEvent, someCustomer, someDeletion, someEvent } from './events.ts'
import { header, type MailServer } from './mail-server.ts'
import { accountsBeside, deletionsBeside } from './running.ts'

/** What stays while notification-service dies: its servers, and its stores as a test looks at them. */
export type Surroundings = {
  subscription: Subscription
  broker: Broker
  publisher: Publisher
  letters: Letters
  deadLetters: DeadLetters
  mail: MailServer
  /** Whose letters the mail server has no answer for. */
  hanging: Set<string>
}

/** What a day does. `hanging` ends with letters in hand that the mail server never answers for. */
export const days = ['everyday', 'hanging'] as const
export type Kind = (typeof days)[number]

/** How the mail server of these days answers, by what an address begins with. */
export function answersOf(mail: MailServer, hanging: ReadonlySet<string>): void {
  const put = new Set<string>()
  mail.answers.rcpt = (address) => {
    if (address.startsWith('no-')) return 550
    if (!address.startsWith('later-') || put.has(address)) return undefined
    put.add(address)
    return 451
  }
  mail.answers.data = ({ to: [address] }) => (hanging.has(address!) ? new Promise<undefined>(() => {}) : undefined)
}

type Poison = { key: string; value: string | Buffer | null }

/**
 * What is told to a service that may die meanwhile, and what must have become of it when it has come back: one letter for
 * each event, a dead letter for each poison, whatever was answered is true.
 */
export function newDay({ subscription, publisher, letters, deadLetters, mail, hanging }: Surroundings) {
  const admin = someAdmin()
  const orderId = randomUUID()
  const of = (prefix: string) => someCustomer({ email: `${prefix}${randomUUID()}@example.test` })
  const customer = of('')
  const [first, second, third] = [1, 2, 3].map((sequence) => someEvent({ orderId, sequence, customer }))
  const refused = someEvent({ customer: of('no-') })
  const put = someEvent({ customer: of('later-') })
  const stuck = someEvent({ customer: of('') })
  /** One that an older version of the service parked, though it is an event. */
  const misjudged = someEvent({ customer: of('') })
  const poisonOf = (value: Poison['value']): Poison => ({ key: randomUUID(), value })
  // The queue takes 3 kB at a time: these are too much together, and the last one by itself.
  const poison = ['nonsense', null, Buffer.from([0xff, 0x00]), 'y'.repeat(2000), 'z'.repeat(5000)].map(poisonOf)

  const account = someAccountEvent('account.password-reset-requested', { user: of('') })

  /** Whether it was told that the account of whose letter was refused is deleted. */
  let toldOfDeletion = false
  /** What is on the topics for sure. */
  const told: OrderEvent[] = []
  const toldOfAccounts: AccountEvent[] = []
  const spoilt: Poison[] = []
  /** What an admin asked for, and whether it was answered. */
  const asked: { what: 'resend' | 'redrive'; of: string; answered: boolean }[] = []

  const tell = async (...events: OrderEvent[]): Promise<void> => {
    const messages = events.map((event) => ({ key: event.subject, value: JSON.stringify(event) }))
    await publisher.send(subscription.topic, messages)
    told.push(...events)
  }
  const tellOfAccount = async (): Promise<AccountEvent> => {
    const event = await account
    const message = { key: event.subject, value: JSON.stringify(event) }
    await publisher.send(accountsBeside(subscription).topic, [message])
    toldOfAccounts.push(event)
    return event
  }
  const lettersTo = async ({ subject }: AccountEvent) => (await letters.page({ owner: subject }, { first: 10 })).items
  const spoil = async (): Promise<void> => {
    await publisher.send(subscription.topic, poison)
    spoilt.push(...poison)
  }
  const letterOf = async ({ subject, id }: OrderEvent) =>
    (await letters.aboutOrders([subject], undefined)).filter(({ eventId }) => eventId === id)
  const deadOf = async (key: string) => {
    const { items } = await deadLetters.page({}, { first: 1000 })
    return items.filter((dead) => dead.key?.toString() === key)
  }

  /** Dealings with one running process; each step ends them all by throwing when the process is gone. */
  const dealings = (process: Process, url: string) => {
    const until = async (what: string, look: () => Promise<boolean>): Promise<void> => {
      try {
        await eventually(what, async () => {
          if (!process.isRunning()) throw gone
          return look()
        })
      } catch (error) {
        if (error === gone) throw error
        throw new Error(`${(error as Error).message}\n${process.lines.slice(-10).join('\n')}`, { cause: error })
      }
    }
    const sent = (event: OrderEvent, status = 'SENT') =>
      until(`${event.id} is ${status}`, async () => (await letterOf(event))[0]?.status === status)
    const answer = async (what: 'resend' | 'redrive', of: string, route: string) => {
      const wish = { what, of, answered: false }
      asked.push(wish)
      const heard = await say(url, admin, 'POST', route)
      if (heard === undefined) throw gone
      wish.answered = heard.status === 202
      if (!wish.answered) throw new Error(`${route} answered ${heard.status} ${heard.body.detail}`)
    }
    const redrive = async (key: string, id: string) =>
      answer('redrive', key, `/dead-letters/${encodeURIComponent(id)}/redrive`)
    const parked = async (key: string, origins: number) => {
      await until(`${origins} dead letters`, async () => new Set((await deadOf(key)).map(whence)).size >= origins)
      return (await deadOf(key))[0]!.id
    }

    return {
      everyday: async (): Promise<void> => {
        await tell(first!)
        const ofAccount = await tellOfAccount()
        await spoil()
        await tell(second!, refused, put)
        for (const event of [first!, second!, put]) await sent(event)
        await sent(refused, 'FAILED')
        await until(
          'the letter about an account is SENT',
          async () => (await lettersTo(ofAccount))[0]?.status === 'SENT',
        )
        for (const { key } of poison) await parked(key, 1)

        const headers = { reason: 'too new', 'origin-topic': subscription.topic }
        const message = { key: misjudged.subject, value: JSON.stringify(misjudged), headers }
        await publisher.send(subscription.dlq, [message])
        await redrive(misjudged.subject, await parked(misjudged.subject, 1))
        await sent(misjudged)
        const [{ key }] = poison as [Poison]
        await redrive(key, await parked(key, 1))
        await parked(key, 2)

        const { id } = (await letterOf(first!))[0]!
        await answer('resend', first!.id, `/notifications/${id}/resend`)
        await until('its copy is sent', async () => (await letterOf(first!))[0]!.attempts >= 2)
        await tell(first!, second!, third!)
        await sent(third!)

        const gone = refused.data.customer.id
        await publisher.send(deletionsBeside(subscription).topic, [
          { key: gone, value: JSON.stringify(someDeletion(gone)) },
        ])
        toldOfDeletion = true
        await until('someone is forgotten', async () => (await letterOf(refused))[0]?.recipient === '')
      },
      hanging: async (): Promise<void> => {
        hanging.add(stuck.data.customer.email)
        await tell(stuck)
        await until('it is in hand', async () => mail.tried.has(stuck.data.customer.email))
      },
    }
  }

  /** Lives the day with a process, to its end or the process's. */
  const live = async (kind: Kind, process: Process) => {
    const url = await process.listening
    try {
      if (url !== undefined) await dealings(process, url)[kind]()
    } catch (error) {
      if (error !== gone) {
        await process.kill()
        throw error
      }
    }
    const end = await process.stop()
    hanging.delete(stuck.data.customer.email)
    return end
  }

  /** What is not as it must be, once all is quiet. */
  const amiss = async (): Promise<string[]> => {
    const wrong: string[] = []
    const must = (what: string, holds: boolean): void => void (holds || wrong.push(what))
    const wishes = (what: string, of: string) => asked.filter((wish) => wish.what === what && wish.of === of)
    const came = (event: OrderEvent) => mail.caught.filter(({ to }) => to[0] === event.data.customer.email)
    const messageIds = (event: OrderEvent) => new Set(came(event).map((one) => header(one, 'Message-ID')))

    for (const event of new Set(told)) {
      const about = await letterOf(event)
      must(`${event.id} has ${about.length} letters`, about.length === 1)
      const status = event === refused ? 'FAILED' : 'SENT'
      must(`${event.id} is ${about[0]?.status}`, about[0]?.status === status)
      if (event === refused && toldOfDeletion) must('someone is not forgotten', about[0]?.recipient === '')
      const copies = event === first ? wishes('resend', event.id) : []
      const may = [0, ...copies.map(() => 1)].map(
        (copy) => `<${messageIdOf({ eventId: event.id, copy }, 'halles.example')}>`,
      )
      const own = [...messageIds(event)].filter((id) => id?.startsWith(`<${event.id}`))
      must(
        `${event.id} came as ${own.join()}`,
        own.every((id) => may.includes(id!)),
      )
      if (status === 'SENT') must(`${event.id} did not come`, own.includes(may[0]))
      if (copies.some(({ answered }) => answered)) must(`the copy of ${event.id} did not come`, own.includes(may[1]))
    }
    for (const event of toldOfAccounts) {
      const about = await lettersTo(event)
      must(`account event ${event.id} has ${about.length} letters`, about.length === 1)
      must(`account event ${event.id} is ${about[0]?.status}`, about[0]?.status === 'SENT')
      const ids = mail.caught
        .filter(({ to }) => to[0] === event.data.user.email)
        .map((one) => header(one, 'Message-ID'))
      must(
        `account event ${event.id} came as ${ids.join()}`,
        new Set(ids).size === 1 && ids[0]!.startsWith(`<${event.id}@`),
      )
    }
    for (const { key, value } of spoilt) {
      const dead = await deadOf(key)
      const origins = new Set(dead.map(whence))
      const redrives = wishes('redrive', key)
      must(
        `poison ${key} is on the queue ${origins.size} times`,
        origins.size >= 1 && origins.size <= 1 + redrives.length,
      )
      if (redrives.some(({ answered }) => answered)) must(`poison ${key} was not sent again`, origins.size === 2)
      if (dead.some((one) => one.redrives > 0)) must(`poison ${key} was marked and not sent`, origins.size === 2)
      for (const one of await deadLetters.withIds(dead.map(({ id }) => id)))
        must(
          `poison ${key} is not as it was`,
          !isWhole(one) || Buffer.from(value ?? '').equals(one.value ?? Buffer.of()),
        )
    }
    const about = await letterOf(misjudged)
    must(`${misjudged.id} has ${about.length} letters`, about.length <= 1)
    const marked = (await deadOf(misjudged.subject)).some(({ redrives }) => redrives > 0)
    if (marked) must(`${misjudged.id} was marked and not sent`, about[0]?.status === 'SENT')
    if (wishes('redrive', misjudged.subject).some(({ answered }) => answered))
      must(`${misjudged.id} was answered and not marked`, marked)
    return wrong
  }

  return { live, amiss }
}

export type Day = ReturnType<typeof newDay>

const gone = new Error('the process is gone')

const whence = ({
  origin: { topic, partition, offset },
}: {
  origin: { topic: string; partition: number | null; offset: string | null }
}) => [topic, partition, offset].join('/')
