import { connectMongo } from '@halles/mongo/mongo'
import { createLogger } from '@halles/telemetry/log'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { freePort } from '@halles/test-fixtures/port'
import { eventually } from '@halles/test-fixtures/wait'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { createCustomer, createOrderEvent } from '../../test/events.ts'
import { header, startMailServer, type MailServer } from '../../test/mail-server.ts'
import { createDeliveryWorker, type DeliveryWorker } from './delivery-worker.ts'
import { createEmailStore, type EmailStore } from './emails.ts'
import { createMailer } from './mailer.ts'
import { recordOrderEmails } from './record-emails.ts'

let emails: EmailStore
let server: MailServer
const closers: (() => unknown)[] = []

beforeEach(async () => {
  const mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'notification-test')
  emails = await createEmailStore(mongo.db)
  server = await startMailServer()
  closers.push(mongo.close, () => server.close())
})
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** Creates the worker of one instance. Its first retry delay is 20 ms instead of 10 s. */
function createWorker({
  timeout,
  ...deps
}: Partial<Parameters<typeof createDeliveryWorker>[0]> & { timeout?: number } = {}): DeliveryWorker {
  const mailer = createMailer(server.url, 'Halles <commandes@halles.example>', timeout)
  const worker = createDeliveryWorker({ emails, mailer, log: createLogger('test', 'silent'), scale: 0.002, ...deps })
  closers.push(worker.close)
  return worker
}

/** Records the e-mails about events of `count` orders, and returns the events. */
async function recordEmails(count = 1, overrides: Parameters<typeof createOrderEvent>[0] = {}) {
  const events = Array.from({ length: count }, () => createOrderEvent({ customer: createCustomer(), ...overrides }))
  await recordOrderEmails({ emails }, events)
  return events
}

const findAll = async () => (await emails.findPage({ owner: undefined }, { first: 100 })).items
const waitForStatus = (status: 'SENT' | 'FAILED', count = 1) =>
  eventually(`${count} e-mails are ${status}`, async () => {
    const found = (await findAll()).filter((email) => email.status === status)
    return found.length >= count && found
  })
const receivedMessageIds = () => server.caught.map((message) => header(message, 'Message-ID'))

describe('delivery worker, for a due e-mail', () => {
  it('sends it at once and records that', async () => {
    const [event] = await recordEmails()
    createWorker().wake()
    const [email] = await waitForStatus('SENT')
    expect(email).toMatchObject({ eventId: event!.id, attempts: 1, failedAttempts: 0, lastError: null })
    expect(email!.sentAt!.getTime()).toBeGreaterThanOrEqual(email!.createdAt.getTime())
    expect(receivedMessageIds()).toEqual([`<${event!.id}@halles.example>`])
  })

  it('sends it once, whatever the number of instances', async () => {
    const events = await recordEmails(60)
    for (const worker of [createWorker(), createWorker(), createWorker()]) worker.wake()
    await waitForStatus('SENT', 60)
    expect(receivedMessageIds()).toHaveLength(60)
    expect(new Set(receivedMessageIds())).toEqual(new Set(events.map(({ id }) => `<${id}@halles.example>`)))
    expect((await findAll()).every(({ attempts }) => attempts === 1)).toBe(true)
  })

  it('leaves it to others when its lease was granted too late for an attempt', async () => {
    await recordEmails()
    let offset = 0
    const now = () => new Date(Date.now() + offset)
    const other = createWorker({ now })
    // As in a failover of MongoDB: by the time of the response the lease has ended, and another instance has the e-mail.
    const lease: EmailStore['lease'] = async (...args) => {
      const leased = await emails.lease(...args)
      if (leased.length > 0) {
        offset += 600_000
        other.wake()
        await waitForStatus('SENT')
      }
      return leased
    }
    const late = createWorker({ now, emails: { ...emails, lease } })
    late.wake()
    await waitForStatus('SENT')
    await late.close()
    expect(receivedMessageIds()).toHaveLength(1)
  })

  it('sends the trace of its event in the headers', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await recordEmails(1, { traceparent })
    createWorker().wake()
    await waitForStatus('SENT')
    expect(header(server.caught[0]!, 'traceparent')).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/)
    expect(header(server.caught[0]!, 'X-Trace-Id')).toBe('0af7651916cd43dd8448eb211c80319c')
  })

  it('does not send the trace of another event', async () => {
    await recordEmails(1, { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' })
    const worker = createWorker()
    worker.wake()
    await waitForStatus('SENT')
    await recordEmails()
    worker.wake()
    await waitForStatus('SENT', 2)
    expect(header(server.caught[1]!, 'X-Trace-Id')).toBeUndefined()
  })
})

describe('delivery worker, after a failed attempt', () => {
  it('retries after a temporary failure', async () => {
    let attempts = 0
    server.answers.data = () => (++attempts < 4 ? 451 : undefined)
    await recordEmails()
    createWorker().wake()
    const [email] = await waitForStatus('SENT')
    expect(email).toMatchObject({ attempts: 4, lastError: null })
    expect(server.caught).toHaveLength(1)
  })

  it('records the reason and the time of the next attempt', async () => {
    server.answers.data = () => 451
    await recordEmails()
    const startedAt = Date.now()
    createWorker({ scale: 1 }).wake()
    const email = await eventually('an attempt is recorded', async () =>
      (await findAll()).find(({ attempts }) => attempts === 1),
    )
    expect(email).toMatchObject({ status: 'PENDING', failedAttempts: 1, lastError: 'the mail server answered 451' })
    expect(email.nextAttemptAt.getTime() - startedAt).toBeGreaterThan(3000)
    expect(email.nextAttemptAt.getTime() - Date.now()).toBeLessThan(10_001)
  })

  it('sends the e-mails when the mail server is available again', async () => {
    await server.close()
    const port = await freePort()
    server = { ...server, url: `smtp://127.0.0.1:${port}` }
    await recordEmails(3)
    createWorker().wake()
    await eventually('each has failed twice', async () => (await findAll()).every(({ attempts }) => attempts >= 2))
    server = await startMailServer({}, port)
    await waitForStatus('SENT', 3)
    expect(server.caught).toHaveLength(3)
  })

  it('retries after the mail server hangs, and delays no other e-mail', async () => {
    const [event] = await recordEmails()
    let isHanging = true
    server.answers.data = ({ to }) =>
      isHanging && to.includes(event!.data.customer.email) ? new Promise<undefined>(() => {}) : undefined
    await recordEmails(5)
    createWorker({ timeout: 2000, scale: 0.1 }).wake()
    await waitForStatus('SENT', 5)
    const email = await eventually('the attempt has failed', async () =>
      (await findAll()).find(({ eventId, failedAttempts }) => eventId === event!.id && failedAttempts > 0),
    )
    expect(email).toMatchObject({ lastError: 'the mail server took too long', status: 'PENDING' })
    isHanging = false
    await waitForStatus('SENT', 6)
    expect(receivedMessageIds().filter((id) => id === `<${event!.id}@halles.example>`)).toHaveLength(1)
  })

  it('repeats the same Message-ID when the connection was lost after the mail server accepted the message', async () => {
    let attempts = 0
    server.answers.data = () => (++attempts < 5 ? 'lost' : undefined)
    const [event] = await recordEmails()
    createWorker().wake()
    expect(await waitForStatus('SENT')).toMatchObject([{ eventId: event!.id, resend: 0 }])
    expect(receivedMessageIds()).toHaveLength(5)
    expect(new Set(receivedMessageIds())).toEqual(new Set([`<${event!.id}@halles.example>`]))
  })

  it('marks the e-mail as FAILED at once after a permanent failure', async () => {
    server.answers.rcpt = () => 550
    await recordEmails()
    createWorker().wake()
    const [email] = await waitForStatus('FAILED')
    expect(email).toMatchObject({ attempts: 1, lastError: 'the mail server answered 550', sentAt: null })
  })

  it('marks the e-mail as FAILED after a day of attempts', async () => {
    server.answers.data = () => 451
    await recordEmails()
    createWorker({ scale: 0.000_05 }).wake() // a day takes 4 s
    const [email] = await waitForStatus('FAILED')
    expect(email!.attempts).toBeGreaterThan(3)
  })

  it.each(['nobody', 'a@b.fr\r\nRCPT TO:<c@d.fr>'])(
    'marks the e-mail as FAILED when its recipient is %j, which is no address',
    async (email) => {
      await recordEmails(1, { customer: createCustomer({ email }) })
      createWorker().wake()
      expect(await waitForStatus('FAILED')).toMatchObject([{ lastError: 'not an e-mail address' }])
      expect(server.caught).toEqual([])
    },
  )

  it('marks the e-mail as FAILED when it cannot be rendered', async () => {
    const event = createOrderEvent()
    event.data.order.createdAt = '2026-06-30T23:59:60Z' // a leap second, which JavaScript cannot parse
    await recordOrderEmails({ emails }, [event])
    createWorker().wake()
    expect(await waitForStatus('FAILED')).toMatchObject([{ lastError: 'it could not be rendered', attempts: 1 }])
  })

  it('delays no other e-mail', async () => {
    server.answers.rcpt = (address) => (address.startsWith('no') ? 550 : undefined)
    await recordEmails(5, { customer: createCustomer({ email: 'no@example.test' }) })
    await recordEmails(5)
    createWorker().wake()
    expect(await waitForStatus('SENT', 5)).toHaveLength(5)
    expect(await waitForStatus('FAILED', 5)).toHaveLength(5)
  })
})

describe('delivery worker, when an instance dies during an attempt', () => {
  it('leases the e-mail to another instance when the lease has ended', async () => {
    const [event] = await recordEmails()
    const lease = 300
    const at = new Date()
    const [leased] = await emails.lease(10, 'a dying worker', at, new Date(at.getTime() + lease))
    expect(leased!.eventId).toBe(event!.id)
    const other = createWorker()
    other.wake()
    expect(await emails.lease(10, 'a third worker', at, at)).toEqual([])
    await eventually('the lease has ended', () => Date.now() > at.getTime() + lease)
    other.wake()
    await waitForStatus('SENT')
    expect(receivedMessageIds()).toEqual([`<${event!.id}@halles.example>`])
  })

  it('repeats the same Message-ID when the dead instance had sent the e-mail', async () => {
    const [event] = await recordEmails()
    let isDead = false
    const dying = createWorker({
      lease: 200,
      emails: {
        ...emails,
        lease: async (...args) => (isDead ? [] : emails.lease(...args)),
        recordAttempts: () => {
          isDead = true
          return Promise.reject(new Error('died before the attempt was recorded'))
        },
      },
    })
    dying.wake()
    await eventually('the e-mail is sent', () => isDead)
    await eventually('the lease has ended', async () => (await emails.nextDueAt(new Date())) !== undefined)
    createWorker().wake()
    await waitForStatus('SENT')
    expect(receivedMessageIds()).toEqual([`<${event!.id}@halles.example>`, `<${event!.id}@halles.example>`])
  })

  it('ignores the attempt of an instance whose lease another one has taken over', async () => {
    await recordEmails()
    const now = new Date()
    const [late] = await emails.lease(1, 'late', now, new Date(now.getTime() - 1))
    const [current] = await emails.lease(1, 'current', now, new Date(now.getTime() + 60_000))
    const retry = { status: 'FAILED', failedAttempts: 9, nextAttemptAt: now, lastError: 'late' } as const
    await emails.recordAttempts([{ email: late!, retry }])
    expect(await findAll()).toMatchObject([{ status: 'PENDING', failedAttempts: 0 }])
    await emails.recordAttempts([{ email: current!, sentAt: now }])
    await emails.recordAttempts([{ email: late!, retry }])
    expect(await waitForStatus('SENT')).toMatchObject([{ attempts: 1, lastError: null }])
  })
})

describe('delivery worker, on close', () => {
  it('waits for an attempt in flight', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    server.answers.data = () => promise
    await recordEmails()
    const worker = createWorker()
    worker.wake()
    await eventually('the attempt is in flight', () => server.attempted.size === 1)
    const closed = worker.close()
    resolve(undefined)
    await closed
    expect(await waitForStatus('SENT')).toMatchObject([{ attempts: 1 }])
  })

  it('releases what it did not send to other instances, at once', async () => {
    server.answers.data = () => new Promise(() => {}) // never
    await recordEmails(8)
    const worker = createWorker()
    worker.wake()
    await eventually('all are leased', async () => (await emails.nextDueAt(new Date())) === undefined)
    await worker.close()
    server.answers.data = () => undefined
    createWorker().wake()
    const sent = await waitForStatus('SENT', 8)
    expect(sent.every(({ attempts, failedAttempts }) => attempts === 1 && failedAttempts === 0)).toBe(true)
  })
})

describe('email store, on resend', () => {
  it('makes each resend a message of its own', async () => {
    const [event] = await recordEmails()
    const worker = createWorker()
    worker.wake()
    const { id } = (await waitForStatus('SENT'))[0]!
    for (const resend of [1, 2]) {
      expect(await emails.resend(id, new Date())).toMatchObject({ status: 'PENDING', resend })
      worker.wake()
      await waitForStatus('SENT')
    }
    const toId = (suffix: string) => `<${event!.id}${suffix}@halles.example>`
    expect(receivedMessageIds()).toEqual([toId(''), toId('.1'), toId('.2')])
    expect(await findAll()).toMatchObject([{ status: 'SENT', attempts: 3 }])
  })

  it('starts a new retry window after the e-mail was given up', async () => {
    server.answers.rcpt = () => 550
    await recordEmails()
    const worker = createWorker()
    worker.wake()
    const { id } = (await waitForStatus('FAILED'))[0]!
    server.answers.rcpt = () => undefined
    const resent = await emails.resend(id, new Date())
    expect(resent).toMatchObject({ failedAttempts: 0, lastError: null, status: 'PENDING' })
    worker.wake()
    expect(await waitForStatus('SENT')).toMatchObject([{ resend: 1, attempts: 2 }])
  })

  it('only advances the next attempt while the e-mail is pending', async () => {
    server.answers.data = () => 451
    await recordEmails()
    const worker = createWorker({ scale: 10 })
    worker.wake()
    const { id } = await eventually('an attempt is recorded', async () =>
      (await findAll()).find(({ attempts }) => attempts === 1),
    )
    server.answers.data = () => undefined
    expect(await emails.resend(id, new Date())).toMatchObject({ resend: 0, status: 'PENDING' })
    worker.wake()
    expect(await waitForStatus('SENT')).toMatchObject([{ resend: 0, attempts: 2 }])
  })

  it('returns undefined for an unknown id', async () => {
    expect(await emails.resend('unknown', new Date())).toBeUndefined()
  })
})

describe('email store', () => {
  it('counts the pending e-mails and returns the time of the oldest', async () => {
    expect(await emails.countPending()).toEqual({ count: 0, oldest: undefined })
    const startedAt = Date.now()
    await recordEmails(3)
    const { count, oldest } = await emails.countPending()
    expect(count).toBe(3)
    expect(oldest!.getTime()).toBeGreaterThanOrEqual(startedAt)
    expect(oldest!.getTime()).toBeLessThanOrEqual(Date.now())
  })
})
