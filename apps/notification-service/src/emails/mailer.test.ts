import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { toMailMessage } from './delivery-worker.ts'
import type { Email, OrderEmail } from './email.ts'
import { createMailer, toDeliveryOutcome, type Mailer } from './mailer.ts'
import { recordOrderEmails } from './record-emails.ts'
import { createCustomer, createOrderEvent } from '../../test/events.ts'
import { header, startMailServer, type MailServer } from '../../test/mail-server.ts'

const FROM = 'Halles <commandes@halles.example>'
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** Starts a mail server for this test, and creates a mailer for it. */
async function startServerAndMailer(
  options: Parameters<typeof startMailServer>[0] = {},
  toMailerUrl: (url: string) => string = (url) => url,
): Promise<{ server: MailServer; mailer: Mailer }> {
  const server = await startMailServer(options)
  const mailer = createMailer(toMailerUrl(server.url), FROM)
  closers.push(server.close, mailer.close)
  return { server, mailer }
}

/** Creates the e-mail about an order of a customer with this name. */
async function createEmail(name: string, overrides: Partial<OrderEmail> = {}): Promise<OrderEmail> {
  const recorded: Email[] = []
  const insert = async (emails: Email[]) => emails.map((email) => (recorded.push(email), 'recorded' as const))
  const event = createOrderEvent({ customer: createCustomer({ name }) })
  await recordOrderEmails({ emails: { insert } }, [event])
  return { ...(recorded[0] as OrderEmail), ...overrides }
}

const send = async (mailer: Mailer, email: Email) => mailer.send(toMailMessage(email, { domain: mailer.domain }))

describe('mailer', () => {
  it('sends a message with its sender, recipient, contents and event id', async () => {
    const { server, mailer } = await startServerAndMailer()
    const email = await createEmail('Zoé Martin')
    const startedAt = Math.floor(Date.now() / 1000) * 1000
    expect(await send(mailer, email)).toEqual({ result: 'sent' })
    const [message] = server.caught
    expect(message!.to).toEqual([email.recipient])
    expect(header(message!, 'From')).toBe(FROM)
    expect(header(message!, 'To')).toContain(`<${email.recipient}>`)
    expect(header(message!, 'Message-ID')).toBe(`<${email.eventId}@halles.example>`)
    expect(header(message!, 'X-Order-Id')).toBe(email.orderId)
    expect(header(message!, 'Auto-Submitted')).toBe('auto-generated')
    expect(new Date(header(message!, 'Date')!).getTime()).toBeGreaterThanOrEqual(startedAt)
    expect(header(message!, 'Content-Type')).toMatch(/^multipart\/alternative/)
    expect(message!.raw).toMatch(/Content-Type: text\/plain; charset=utf-8/)
    expect(message!.raw).toMatch(/Content-Type: text\/html; charset=utf-8/)
  })

  it.each([
    'Camille\r\nBcc: thief@example.test',
    'Camille\nX-Order-Id: other',
    'Camille\r\n\r\n<h1>Other letter</h1>',
    'Camille\u0000\u0085\u2028Bcc: thief@example.test',
    'Camille" <thief@example.test>, "',
    'Camille <thief@example.test>',
    'Zoé,\u202eétoile; Group: thief@example.test;',
  ])('adds no header and no recipient for the name %j', async (name) => {
    const { server, mailer } = await startServerAndMailer()
    const plain = await createEmail('Camille Martin')
    const email = await createEmail(name)
    await send(mailer, plain)
    await send(mailer, { ...email, orderId: `${email.orderId}\r\nX-Evil: 1` })
    const [expected, received] = server.caught
    expect(received!.to).toEqual([email.recipient])
    const names = (message: typeof expected) => message!.headers.map(([key]) => key).toSorted()
    expect(names(received)).toEqual(names(expected))
  })

  it('sends nothing to an address that names several mailboxes', async () => {
    const { server, mailer } = await startServerAndMailer()
    const email = await createEmail('Camille', { recipient: 'a@example.test, thief@example.test' })
    await send(mailer, email)
    expect(server.caught.flatMap(({ to }) => to)).not.toContain('thief@example.test')
  })

  it('signs in with the user and the password of its URL', async () => {
    const seen: unknown[] = []
    const { server, mailer } = await startServerAndMailer(
      {
        authOptional: false,
        allowInsecureAuth: true,
        onAuth: ({ username, password }, _session, done) => {
          seen.push({ username, password })
          done(null, { user: username })
        },
      },
      (url) => url.replace('//', '//api:s%40cret@'),
    )
    expect(await send(mailer, await createEmail('Camille'))).toEqual({ result: 'sent' })
    expect(seen).toEqual([{ username: 'api', password: 's@cret' }])
    expect(server.caught).toHaveLength(1)
  })

  it('uses TLS when the server offers STARTTLS', async () => {
    const secure: boolean[] = []
    const { mailer } = await startServerAndMailer({
      disabledCommands: [],
      onMailFrom: (_address, session, done) => {
        secure.push(session.secure)
        done()
      },
    })
    expect(await send(mailer, await createEmail('Camille'))).toEqual({ result: 'sent' })
    expect(secure).toEqual([true])
  })

  it('reuses its connection for the next message', async () => {
    let connections = 0
    const { server, mailer } = await startServerAndMailer({ onConnect: (_session, done) => (connections++, done()) })
    for (let n = 0; n < 3; n++) await send(mailer, await createEmail('Camille'))
    expect(server.caught).toHaveLength(3)
    expect(connections).toBe(1)
  })
})

describe('mailer, for a message that is not accepted', () => {
  it.each([
    [450, 'deferred'],
    [421, 'deferred'],
    [550, 'rejected'],
    [552, 'rejected'],
    [530, 'deferred'],
    [503, 'deferred'],
  ])('classifies the reply %i to RCPT as %s', async (code, result) => {
    const { server, mailer } = await startServerAndMailer()
    server.answers.rcpt = () => code
    expect(await send(mailer, await createEmail('Camille'))).toEqual({
      result,
      reason: `the mail server answered ${code}`,
    })
  })

  it.each([
    [451, 'deferred'],
    [554, 'rejected'],
  ])('classifies the reply %i to DATA as %s', async (code, result) => {
    const { server, mailer } = await startServerAndMailer()
    server.answers.data = () => code
    expect(await send(mailer, await createEmail('Camille'))).toEqual({
      result,
      reason: `the mail server answered ${code}`,
    })
  })

  it('defers the message when the server refuses the sign-in', async () => {
    const { mailer } = await startServerAndMailer(
      { authOptional: false, allowInsecureAuth: true, onAuth: (_auth, _session, done) => done(new Error('wrong')) },
      (url) => url.replace('//', '//api:wrong@'),
    )
    expect(await send(mailer, await createEmail('Camille'))).toMatchObject({ result: 'deferred' })
    await expect(mailer.verify()).rejects.toThrow()
  })

  it('defers the message when there is no server, without its address in the reason', async () => {
    const { server, mailer } = await startServerAndMailer()
    await server.close()
    const outcome = await send(mailer, await createEmail('Camille'))
    expect(outcome).toEqual({ result: 'deferred', reason: 'the mail server could not be reached' })
  })

  it('sends the next message after a rejected one', async () => {
    const { server, mailer } = await startServerAndMailer()
    server.answers.rcpt = (address) => (address.startsWith('no') ? 550 : undefined)
    const rejected = await createEmail('Camille', { recipient: `no-${randomUUID()}@example.test` })
    const outcomes = await Promise.all([send(mailer, rejected), send(mailer, await createEmail('Camille'))])
    expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'sent'])
  })
})

it.each([
  [{ code: 'ETIMEDOUT' }, 'deferred', 'the mail server took too long'],
  [{ code: 'EABORT' }, 'deferred', 'the mail server took too long'],
  [{ code: 'ETLS' }, 'deferred', 'no secure connection to the mail server'],
  [{ code: 'EAUTH', responseCode: 535 }, 'deferred', 'the mail server answered 535'],
  [{ code: 'ECONNECTION', responseCode: 554 }, 'deferred', 'the mail server answered 554'],
  [{ code: 'EENVELOPE' }, 'rejected', 'not an e-mail address'],
  [{ code: 'EDNS' }, 'deferred', 'the mail server could not be reached'],
  [{}, 'deferred', 'the mail server could not be reached'],
] as const)('toDeliveryOutcome classifies the error %j as %s: %s', (error, result, reason) => {
  expect(toDeliveryOutcome(error)).toEqual({ result, reason })
})

it('mailer never sends a password to another machine without TLS', async () => {
  const receivedPasswords: string[] = []
  const server = await startMailServer({
    allowInsecureAuth: true,
    onAuth: ({ password }, _session, done) => {
      receivedPasswords.push(String(password))
      done(null, { user: 'api' })
    },
  })
  onTestFinished(server.close)
  // An address of this machine that the mailer does not recognise as local.
  const mailer = createMailer(`smtp://api:secret@[::ffff:127.0.0.1]:${server.port}`, FROM)
  onTestFinished(mailer.close)
  const reason = 'no secure connection to the mail server'
  expect(await send(mailer, await createEmail('Camille'))).toEqual({ result: 'deferred', reason })
  expect(receivedPasswords).toEqual([])
})
