import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { mailFor } from './deliver.ts'
import type { Letter, OrderLetter } from './letter.ts'
import { mailerTo, outcomeOf, type Mailer } from './mailer.ts'
import { notify } from './notify.ts'
import { someCustomer, someEvent } from '../test/events.ts'
import { header, mailServer, type MailServer } from '../test/mail-server.ts'

const FROM = 'Halles <commandes@halles.example>'
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** A mail server of this test's own, and a mailer to it. */
async function post(
  options: Parameters<typeof mailServer>[0] = {},
  address: (url: string) => string = (url) => url,
): Promise<{ server: MailServer; mailer: Mailer }> {
  const server = await mailServer(options)
  const mailer = mailerTo(address(server.url), FROM)
  closers.push(server.close, mailer.close)
  return { server, mailer }
}

async function letterTo(name: string, more: Partial<OrderLetter> = {}): Promise<OrderLetter> {
  const kept: Letter[] = []
  const add = async (letters: Letter[]) => letters.map((letter) => (kept.push(letter), 'recorded' as const))
  const event = someEvent({ customer: someCustomer({ name }) })
  await notify({ letters: { add } }, [event])
  return { ...(kept[0] as OrderLetter), ...more }
}

const send = async (mailer: Mailer, letter: Letter) => mailer.send(mailFor(letter, { domain: mailer.domain }))

describe('a letter on the wire', () => {
  it('carries who, what, and which event it tells of', async () => {
    const { server, mailer } = await post()
    const letter = await letterTo('Zoé Martin')
    const began = Math.floor(Date.now() / 1000) * 1000
    expect(await send(mailer, letter)).toEqual({ result: 'sent' })
    const [caught] = server.caught
    expect(caught!.to).toEqual([letter.recipient])
    expect(header(caught!, 'From')).toBe(FROM)
    expect(header(caught!, 'To')).toContain(`<${letter.recipient}>`)
    expect(header(caught!, 'Message-ID')).toBe(`<${letter.eventId}@halles.example>`)
    expect(header(caught!, 'X-Order-Id')).toBe(letter.orderId)
    expect(header(caught!, 'Auto-Submitted')).toBe('auto-generated')
    expect(new Date(header(caught!, 'Date')!).getTime()).toBeGreaterThanOrEqual(began)
    expect(header(caught!, 'Content-Type')).toMatch(/^multipart\/alternative/)
    expect(caught!.raw).toMatch(/Content-Type: text\/plain; charset=utf-8/)
    expect(caught!.raw).toMatch(/Content-Type: text\/html; charset=utf-8/)
  })

  it.each([
    'Camille\r\nBcc: thief@example.test',
    'Camille\nX-Order-Id: other',
    'Camille\r\n\r\n<h1>Other letter</h1>',
    'Camille\u0000\u0085\u2028Bcc: thief@example.test',
    'Camille" <thief@example.test>, "',
    'Camille <thief@example.test>',
    'Zoé,\u202eétoile; Group: thief@example.test;',
  ])('has no header and no reader that the name %j would like', async (name) => {
    const { server, mailer } = await post()
    const plain = await letterTo('Camille Martin')
    const letter = await letterTo(name)
    await send(mailer, plain)
    await send(mailer, { ...letter, orderId: `${letter.orderId}\r\nX-Evil: 1` })
    const [usual, tried] = server.caught
    expect(tried!.to).toEqual([letter.recipient])
    const names = (one: typeof usual) => one!.headers.map(([key]) => key).toSorted()
    expect(names(tried)).toEqual(names(usual))
  })

  it('goes to no one at an address that names several', async () => {
    const { server, mailer } = await post()
    const letter = await letterTo('Camille', { recipient: 'a@example.test, thief@example.test' })
    await send(mailer, letter)
    expect(server.caught.flatMap(({ to }) => to)).not.toContain('thief@example.test')
  })

  it('is signed in for, with a user and a password from the URL', async () => {
    const seen: unknown[] = []
    const { server, mailer } = await post(
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
    expect(await send(mailer, await letterTo('Camille'))).toEqual({ result: 'sent' })
    expect(seen).toEqual([{ username: 'api', password: 's@cret' }])
    expect(server.caught).toHaveLength(1)
  })

  it('goes over TLS when the server offers STARTTLS', async () => {
    const secure: boolean[] = []
    const { mailer } = await post({
      disabledCommands: [],
      onMailFrom: (_address, session, done) => {
        secure.push(session.secure)
        done()
      },
    })
    expect(await send(mailer, await letterTo('Camille'))).toEqual({ result: 'sent' })
    expect(secure).toEqual([true])
  })

  it('keeps its connection for the next letter', async () => {
    let connections = 0
    const { server, mailer } = await post({ onConnect: (_session, done) => (connections++, done()) })
    for (let n = 0; n < 3; n++) await send(mailer, await letterTo('Camille'))
    expect(server.caught).toHaveLength(3)
    expect(connections).toBe(1)
  })
})

describe('a letter that is not taken', () => {
  it.each([
    [450, 'later'],
    [421, 'later'],
    [550, 'refused'],
    [552, 'refused'],
    [530, 'later'],
    [503, 'later'],
  ])('with %i for its reader is to go %s', async (code, result) => {
    const { server, mailer } = await post()
    server.answers.rcpt = () => code
    expect(await send(mailer, await letterTo('Camille'))).toEqual({
      result,
      reason: `the mail server answered ${code}`,
    })
  })

  it.each([
    [451, 'later'],
    [554, 'refused'],
  ])('with %i for what it says is to go %s', async (code, result) => {
    const { server, mailer } = await post()
    server.answers.data = () => code
    expect(await send(mailer, await letterTo('Camille'))).toEqual({
      result,
      reason: `the mail server answered ${code}`,
    })
  })

  it('is taken later when the server does not let us in', async () => {
    const { mailer } = await post(
      { authOptional: false, allowInsecureAuth: true, onAuth: (_auth, _session, done) => done(new Error('wrong')) },
      (url) => url.replace('//', '//api:wrong@'),
    )
    expect(await send(mailer, await letterTo('Camille'))).toMatchObject({ result: 'later' })
    await expect(mailer.verify()).rejects.toThrow()
  })

  it('is taken later when there is no server, and says nothing of where that would be', async () => {
    const { server, mailer } = await post()
    await server.close()
    const outcome = await send(mailer, await letterTo('Camille'))
    expect(outcome).toEqual({ result: 'later', reason: 'the mail server could not be reached' })
  })

  it('does not keep the next one from being taken', async () => {
    const { server, mailer } = await post()
    server.answers.rcpt = (address) => (address.startsWith('no') ? 550 : undefined)
    const bad = await letterTo('Camille', { recipient: `no-${randomUUID()}@example.test` })
    const outcomes = await Promise.all([send(mailer, bad), send(mailer, await letterTo('Camille'))])
    expect(outcomes.map(({ result }) => result)).toEqual(['refused', 'sent'])
  })
})

it.each([
  [{ code: 'ETIMEDOUT' }, 'later', 'the mail server took too long'],
  [{ code: 'EABORT' }, 'later', 'the mail server took too long'],
  [{ code: 'ETLS' }, 'later', 'no secure connection to the mail server'],
  [{ code: 'EAUTH', responseCode: 535 }, 'later', 'the mail server answered 535'],
  [{ code: 'ECONNECTION', responseCode: 554 }, 'later', 'the mail server answered 554'],
  [{ code: 'EENVELOPE' }, 'refused', 'not an e-mail address'],
  [{ code: 'EDNS' }, 'later', 'the mail server could not be reached'],
  [{}, 'later', 'the mail server could not be reached'],
] as const)('takes the error %j for %s: %s', (error, result, reason) => {
  expect(outcomeOf(error)).toEqual({ result, reason })
})

it('never says a password to another machine without TLS', async () => {
  const said: string[] = []
  const server = await mailServer({
    allowInsecureAuth: true,
    onAuth: ({ password }, _session, done) => {
      said.push(String(password))
      done(null, { user: 'api' })
    },
  })
  onTestFinished(server.close)
  // This machine, by a name of it that the mailer does not know as such.
  const mailer = mailerTo(`smtp://api:secret@[::ffff:127.0.0.1]:${server.port}`, FROM)
  onTestFinished(mailer.close)
  const reason = 'no secure connection to the mail server'
  expect(await send(mailer, await letterTo('Camille'))).toEqual({ result: 'later', reason })
  expect(said).toEqual([])
})
