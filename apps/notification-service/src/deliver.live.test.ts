import { openMongo } from '@halles/service/mongo'
import { logger } from '@halles/service/log'
import { ownDatabase } from '@halles/testkit/database'
import { freePort } from '@halles/testkit/port'
import { eventually } from '@halles/testkit/wait'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { someCustomer, someEvent } from '../test/events.ts'
import { header, mailServer, type MailServer } from '../test/mail-server.ts'
import { deliveryOf, type Delivery } from './deliver.ts'
import { lettersIn, type Letters } from './letters.ts'
import { mailerTo } from './mailer.ts'
import { notify } from './notify.ts'

let letters: Letters
let server: MailServer
const closers: (() => unknown)[] = []

beforeEach(async () => {
  const mongo = await openMongo(ownDatabase(inject('mongodb')), 'notification-test')
  letters = await lettersIn(mongo.db)
  server = await mailServer()
  closers.push(mongo.close, () => server.close())
})
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** An instance's delivery. A pause of 10 s is one of 20 ms here. */
function deliver({ within, ...more }: Partial<Parameters<typeof deliveryOf>[0]> & { within?: number } = {}): Delivery {
  const mailer = mailerTo(server.url, 'Halles <commandes@halles.example>', within)
  const delivery = deliveryOf({ letters, mailer, log: logger('test', 'silent'), scale: 0.002, ...more })
  closers.push(delivery.close)
  return delivery
}

/** Events of so many orders, recorded as letters. */
async function record(count = 1, more: Parameters<typeof someEvent>[0] = {}) {
  const events = Array.from({ length: count }, () => someEvent({ customer: someCustomer(), ...more }))
  await notify({ letters }, events)
  return events
}

const all = async () => (await letters.page({ owner: undefined }, { first: 100 })).items
const settled = (status: 'SENT' | 'FAILED', count = 1) =>
  eventually(`${count} are ${status}`, async () => {
    const found = (await all()).filter((letter) => letter.status === status)
    return found.length >= count && found
  })
const messageIds = () => server.caught.map((letter) => header(letter, 'Message-ID'))

describe('a letter that is due', () => {
  it('is sent at once, and known as sent', async () => {
    const [event] = await record()
    deliver().wake()
    const [letter] = await settled('SENT')
    expect(letter).toMatchObject({ eventId: event!.id, attempts: 1, failures: 0, lastError: null })
    expect(letter!.sentAt!.getTime()).toBeGreaterThanOrEqual(letter!.createdAt.getTime())
    expect(messageIds()).toEqual([`<${event!.id}@halles.example>`])
  })

  it('is sent once, however many instances there are', async () => {
    const events = await record(60)
    for (const delivery of [deliver(), deliver(), deliver()]) delivery.wake()
    await settled('SENT', 60)
    expect(messageIds()).toHaveLength(60)
    expect(new Set(messageIds())).toEqual(new Set(events.map(({ id }) => `<${id}@halles.example>`)))
    expect((await all()).every(({ attempts }) => attempts === 1)).toBe(true)
  })

  it('carries the trace of what it tells of', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await record(1, { traceparent })
    deliver().wake()
    await settled('SENT')
    expect(header(server.caught[0]!, 'traceparent')).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/)
    expect(header(server.caught[0]!, 'X-Trace-Id')).toBe('0af7651916cd43dd8448eb211c80319c')
  })

  it('carries no trace of another one', async () => {
    await record(1, { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' })
    const delivery = deliver()
    delivery.wake()
    await settled('SENT')
    await record()
    delivery.wake()
    await settled('SENT', 2)
    expect(header(server.caught[1]!, 'X-Trace-Id')).toBeUndefined()
  })
})

describe('a letter that is not taken', () => {
  it('goes later when the mail server says later', async () => {
    let tries = 0
    server.answers.data = () => (++tries < 4 ? 451 : undefined)
    await record()
    deliver().wake()
    const [letter] = await settled('SENT')
    expect(letter).toMatchObject({ attempts: 4, lastError: null })
    expect(server.caught).toHaveLength(1)
  })

  it('waits with the reason and the time of its next try', async () => {
    server.answers.data = () => 451
    await record()
    const began = Date.now()
    deliver({ scale: 1 }).wake()
    const letter = await eventually('a try', async () => (await all()).find(({ attempts }) => attempts === 1))
    expect(letter).toMatchObject({ status: 'PENDING', failures: 1, lastError: 'the mail server answered 451' })
    expect(letter.nextAttemptAt.getTime() - began).toBeGreaterThan(3000)
    expect(letter.nextAttemptAt.getTime() - Date.now()).toBeLessThan(10_001)
  })

  it('goes when the mail server is back', async () => {
    await server.close()
    const port = await freePort()
    server = { ...server, url: `smtp://127.0.0.1:${port}` }
    await record(3)
    deliver().wake()
    await eventually('tries', async () => (await all()).every(({ attempts }) => attempts >= 2))
    server = await mailServer({}, port)
    await settled('SENT', 3)
    expect(server.caught).toHaveLength(3)
  })

  it('goes later when the mail server hangs, and holds up none of the others', async () => {
    const [event] = await record()
    let hangs = true
    server.answers.data = ({ to }) =>
      hangs && to.includes(event!.data.customer.email) ? new Promise<undefined>(() => {}) : undefined
    await record(5)
    deliver({ within: 2000, scale: 0.1 }).wake()
    await settled('SENT', 5)
    const letter = await eventually('a try in vain', async () =>
      (await all()).find(({ eventId, failures }) => eventId === event!.id && failures > 0),
    )
    expect(letter).toMatchObject({ lastError: 'the mail server took too long', status: 'PENDING' })
    hangs = false
    await settled('SENT', 6)
    expect(messageIds().filter((id) => id === `<${event!.id}@halles.example>`)).toHaveLength(1)
  })

  it('may have been, when the connection is lost after it was handed over: it comes again as the same message', async () => {
    let lost = 0
    server.answers.data = () => (++lost < 5 ? 'lost' : undefined)
    const [event] = await record()
    deliver().wake()
    expect(await settled('SENT')).toMatchObject([{ eventId: event!.id, copy: 0 }])
    expect(messageIds()).toHaveLength(5)
    expect(new Set(messageIds())).toEqual(new Set([`<${event!.id}@halles.example>`]))
  })

  it('is FAILED at once, and visible, when the mail server refuses it for good', async () => {
    server.answers.rcpt = () => 550
    await record()
    deliver().wake()
    const [letter] = await settled('FAILED')
    expect(letter).toMatchObject({ attempts: 1, lastError: 'the mail server answered 550', sentAt: null })
  })

  it('is FAILED after a day of trying', async () => {
    server.answers.data = () => 451
    await record()
    deliver({ scale: 0.000_05 }).wake() // a day in 4 s
    const [letter] = await settled('FAILED')
    expect(letter!.attempts).toBeGreaterThan(3)
  })

  it.each(['nobody', 'a@b.fr\r\nRCPT TO:<c@d.fr>'])('is FAILED when %j is no address', async (email) => {
    await record(1, { customer: someCustomer({ email }) })
    deliver().wake()
    expect(await settled('FAILED')).toMatchObject([{ lastError: 'not an e-mail address' }])
    expect(server.caught).toEqual([])
  })

  it('is FAILED when it cannot be written', async () => {
    const event = someEvent()
    event.data.order.createdAt = '2026-06-30T23:59:60Z' // a leap second, which JavaScript does not know
    await notify({ letters }, [event])
    deliver().wake()
    expect(await settled('FAILED')).toMatchObject([{ lastError: 'it could not be written', attempts: 1 }])
  })

  it('holds up none of the others', async () => {
    server.answers.rcpt = (address) => (address.startsWith('no') ? 550 : undefined)
    await record(5, { customer: someCustomer({ email: 'no@example.test' }) })
    await record(5)
    deliver().wake()
    expect(await settled('SENT', 5)).toHaveLength(5)
    expect(await settled('FAILED', 5)).toHaveLength(5)
  })
})

describe('an instance that dies in the middle of a letter', () => {
  it('leaves it to another when its lease is over', async () => {
    const [event] = await record()
    const lease = 300
    const at = new Date()
    const [claimed] = await letters.claim(10, 'one that dies', at, new Date(at.getTime() + lease))
    expect(claimed!.eventId).toBe(event!.id)
    const other = deliver()
    other.wake()
    expect(await letters.claim(10, 'a third', at, at)).toEqual([])
    await eventually('the lease is over', () => Date.now() > at.getTime() + lease)
    other.wake()
    await settled('SENT')
    expect(messageIds()).toEqual([`<${event!.id}@halles.example>`])
  })

  it('may have sent it: then it comes again as the same message', async () => {
    const [event] = await record()
    let died = false
    const dying = deliver({
      lease: 200,
      letters: {
        ...letters,
        claim: async (...wish) => (died ? [] : letters.claim(...wish)),
        settle: () => {
          died = true
          return Promise.reject(new Error('died before it was written down'))
        },
      },
    })
    dying.wake()
    await eventually('it was sent', () => died)
    await eventually('the lease is over', async () => (await letters.nextDue(new Date())) !== undefined)
    deliver().wake()
    await settled('SENT')
    expect(messageIds()).toEqual([`<${event!.id}@halles.example>`, `<${event!.id}@halles.example>`])
  })

  it('changes nothing any more once the letter is in other hands', async () => {
    await record()
    const now = new Date()
    const [late] = await letters.claim(1, 'late', now, new Date(now.getTime() - 1))
    const [current] = await letters.claim(1, 'current', now, new Date(now.getTime() + 60_000))
    const setback = { status: 'FAILED', failures: 9, nextAttemptAt: now, lastError: 'late' } as const
    await letters.settle([{ letter: late!, setback }])
    expect(await all()).toMatchObject([{ status: 'PENDING', failures: 0 }])
    await letters.settle([{ letter: current!, sentAt: now }])
    await letters.settle([{ letter: late!, setback }])
    expect(await settled('SENT')).toMatchObject([{ attempts: 1, lastError: null }])
  })
})

describe('an instance that stops', () => {
  it('finishes what is being handed over', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    server.answers.data = () => promise
    await record()
    const delivery = deliver()
    delivery.wake()
    await eventually('it is being handed over', () => server.tried.size === 1)
    const closed = delivery.close()
    resolve(undefined)
    await closed
    expect(await settled('SENT')).toMatchObject([{ attempts: 1 }])
  })

  it('leaves what it did not send to others, at once', async () => {
    server.answers.data = () => new Promise(() => {}) // never
    await record(8)
    const delivery = deliver()
    delivery.wake()
    await eventually('all are in hand', async () => (await letters.nextDue(new Date())) === undefined)
    await delivery.close()
    server.answers.data = () => undefined
    deliver().wake()
    const sent = await settled('SENT', 8)
    expect(sent.every(({ attempts, failures }) => attempts === 1 && failures === 0)).toBe(true)
  })
})

describe('a letter sent again', () => {
  it('is a message of its own, each time', async () => {
    const [event] = await record()
    const delivery = deliver()
    delivery.wake()
    const { id } = (await settled('SENT'))[0]!
    for (const copy of [1, 2]) {
      expect(await letters.sendAgain(id, new Date())).toMatchObject({ status: 'PENDING', copy })
      delivery.wake()
      await settled('SENT')
    }
    const of = (tail: string) => `<${event!.id}${tail}@halles.example>`
    expect(messageIds()).toEqual([of(''), of('.1'), of('.2')])
    expect(await all()).toMatchObject([{ status: 'SENT', attempts: 3 }])
  })

  it('gets a day of its own after it was given up', async () => {
    server.answers.rcpt = () => 550
    await record()
    const delivery = deliver()
    delivery.wake()
    const { id } = (await settled('FAILED'))[0]!
    server.answers.rcpt = () => undefined
    expect(await letters.sendAgain(id, new Date())).toMatchObject({ failures: 0, lastError: null, status: 'PENDING' })
    delivery.wake()
    expect(await settled('SENT')).toMatchObject([{ copy: 1, attempts: 2 }])
  })

  it('is only tried sooner while it waits', async () => {
    server.answers.data = () => 451
    await record()
    const delivery = deliver({ scale: 10 })
    delivery.wake()
    const { id } = await eventually('a try', async () => (await all()).find(({ attempts }) => attempts === 1))
    server.answers.data = () => undefined
    expect(await letters.sendAgain(id, new Date())).toMatchObject({ copy: 0, status: 'PENDING' })
    delivery.wake()
    expect(await settled('SENT')).toMatchObject([{ copy: 0, attempts: 2 }])
  })

  it('is not there when there is none', async () => {
    expect(await letters.sendAgain('unknown', new Date())).toBeUndefined()
  })
})

it('knows how many letters wait, and since when', async () => {
  expect(await letters.waiting()).toEqual({ count: 0, since: undefined })
  const began = Date.now()
  await record(3)
  const { count, since } = await letters.waiting()
  expect(count).toBe(3)
  expect(since!.getTime()).toBeGreaterThanOrEqual(began)
  expect(since!.getTime()).toBeLessThanOrEqual(Date.now())
})
