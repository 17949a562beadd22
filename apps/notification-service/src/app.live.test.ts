import { randomUUID } from 'node:crypto'
import { someAdmin, someone, type TestPerson } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { someEvent } from '../test/events.ts'
import { lettersIn, startNotificationService, type Running } from '../test/running.ts'

let service: Running
const admin = someAdmin()
beforeAll(async () => {
  const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: inject('smtp') }
  service = await startNotificationService(servers, { shopUrl: 'https://halles.example' })
})
afterAll(() => service.close())

type Notification = { id: string; orderId: string; status: string; [field: string]: unknown }

const list = async (person: TestPerson | undefined, query = ''): Promise<Notification[]> =>
  (await service.request(person, 'GET', `/notifications${query}`)).json().items

/** Someone with letters about an order of theirs, already sent. */
async function customerWithLetters(count = 1) {
  const { role: _role, sid: _sid, ...customer } = someone()
  const person = { ...customer, role: 'user', sid: 'sid' } as TestPerson
  const orderId = randomUUID()
  const events = Array.from({ length: count }, (_, i) => someEvent({ customer, orderId, sequence: i + 1 }))
  await service.tell(...events)
  const letters = await eventually('the letters are sent', async () => {
    const all = await list(person)
    return all.length === count && all.every(({ status }) => status === 'SENT') && all
  })
  return { person, customer, orderId, events, letters }
}

const aQuery = `query ($status: NotificationStatus, $first: Int, $after: String) {
  notifications(status: $status, first: $first, after: $after) {
    nodes { id subject recipient status attempts createdAt sentAt order { id } }
    edges { cursor node { id } } pageInfo { hasNextPage endCursor } totalCount totalCountIsExact } }`

describe('an event', () => {
  it('becomes one letter in the mailbox, with its headers and its trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const event = { ...someEvent(), traceparent }
    await service.tell(event, event)
    const { email } = event.data.customer
    const [letter] = await lettersIn(inject('mailbox'), email)
    expect(letter).toMatchObject({
      subject: 'Votre commande #1042 a été confirmée',
      to: [{ address: email, name: 'Camille Martin' }],
      headers: {
        'message-id': `<${event.id}@halles.example>`,
        'x-order-id': event.subject,
        'x-trace-id': '0af7651916cd43dd8448eb211c80319c',
        'auto-submitted': 'auto-generated',
      },
    })
    expect(letter!.text).toContain(`https://halles.example/orders/${event.subject}`)
    await service.tell(event)
    const next = someEvent({ orderId: event.subject, sequence: 3, customer: event.data.customer })
    await service.tell(next)
    const both = await lettersIn(inject('mailbox'), email, 2)
    expect(both.map(({ headers }) => headers['message-id'])).toEqual(
      [event, next].map(({ id }) => `<${id}@halles.example>`),
    )
  })

  it('that cannot be read holds up none of its order', async () => {
    const event = someEvent()
    await service.say(event.subject, 'nonsense')
    await service.tell(event)
    expect(await lettersIn(inject('mailbox'), event.data.customer.email)).toHaveLength(1)
  })
})

describe('the list of letters', () => {
  it("is one's own, newest first, page by page, in REST as in GraphQL", async () => {
    const { person, letters, orderId, customer } = await customerWithLetters(3)
    expect(letters.map(({ subject }) => subject)).toEqual(
      ['préparée', 'confirmée', 'reçue'].map((word) => `Votre commande #1042 a été ${word}`),
    )
    expect(letters[0]).toEqual({
      id: expect.any(String),
      orderId,
      recipient: customer.email,
      subject: 'Votre commande #1042 a été préparée',
      status: 'SENT',
      attempts: 1,
      createdAt: expect.stringMatching(/Z$/),
      sentAt: expect.stringMatching(/Z$/),
    })

    const seen: string[] = []
    for (let after = ''; ;) {
      const page = (await service.request(person, 'GET', `/notifications?first=2${after}`)).json()
      expect(page).toMatchObject({ totalCount: 3, totalCountIsExact: true })
      seen.push(...page.items.map(({ id }: Notification) => id))
      if (!page.pageInfo.hasNextPage) break
      after = `&after=${page.pageInfo.endCursor}`
    }
    expect(seen).toEqual(letters.map(({ id }) => id))

    const { data } = await service.graphql(person, aQuery, { first: 2 })
    expect(data.notifications.nodes).toEqual(
      letters.slice(0, 2).map(({ orderId, ...letter }) => ({ ...letter, order: { id: orderId } })),
    )
    const rest = await service.graphql(person, aQuery, { first: 2, after: data.notifications.pageInfo.endCursor })
    expect(rest.data.notifications.edges.map(({ node }: { node: Notification }) => node.id)).toEqual([letters[2]!.id])
  })

  it("shows nothing of another's, and everyone's to an admin", async () => {
    const [mine, theirs] = await Promise.all([customerWithLetters(), customerWithLetters()])
    expect(await list(mine.person)).toEqual(mine.letters)
    expect(await list(mine.person, `?orderId=${theirs.orderId}`)).toEqual([])
    expect(await list(admin, `?orderId=${theirs.orderId}`)).toEqual(theirs.letters)
    const ids = (await list(admin, '?first=100')).map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining([mine.letters[0]!.id, theirs.letters[0]!.id]))
  })

  it('is narrowed by status', async () => {
    const { person, letters } = await customerWithLetters()
    expect(await list(person, '?status=SENT')).toEqual(letters)
    expect(await list(person, '?status=FAILED')).toEqual([])
    const { data } = await service.graphql(person, aQuery, { status: 'FAILED' })
    expect(data.notifications).toMatchObject({ nodes: [], totalCount: 0 })
  })

  it.each(['?first=0', '?first=101', '?status=LOST', '?unknown=1', '?after=nonsense'])('refuses %s', async (query) => {
    const answer = await service.request(someone(), 'GET', `/notifications${query}`)
    expect(answer.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
  })

  it('refuses in GraphQL what it refuses in REST', async () => {
    for (const variables of [{ first: 0 }, { first: 101 }, { after: 'nonsense' }]) {
      const { errors } = await service.graphql(someone(), aQuery, variables)
      expect(errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED' } }])
    }
  })

  it('is for those who are signed in', async () => {
    expect((await service.request(undefined, 'GET', '/notifications')).json()).toMatchObject({
      code: 'UNAUTHENTICATED',
    })
    expect((await service.graphql(undefined, aQuery)).errors).toMatchObject([
      { extensions: { code: 'UNAUTHENTICATED' } },
    ])
  })
})

const resend = 'mutation ($id: ID!) { resendNotification(id: $id) { id status attempts } }'

describe('sending a letter again', () => {
  it('answers before it is sent, and sends a message of its own', async () => {
    const { letters, events, customer } = await customerWithLetters()
    const { id } = letters[0]!
    const answer = await service.request(admin, 'POST', `/notifications/${id}/resend`)
    expect(answer.statusCode).toBe(202)
    expect(answer.json()).toMatchObject({ id, status: 'PENDING', attempts: 1 })
    await lettersIn(inject('mailbox'), customer.email, 2)
    await eventually(
      'it is known as sent',
      async () => (await list(admin, `?status=SENT&orderId=${events[0]!.subject}`))[0],
    )
    expect((await service.graphql(admin, resend, { id })).data.resendNotification).toMatchObject({ id, attempts: 2 })
    const all = await lettersIn(inject('mailbox'), customer.email, 3)
    const of = (tail: string) => `<${events[0]!.id}${tail}@halles.example>`
    expect(all.map(({ headers }) => headers['message-id'])).toEqual([of(''), of('.1'), of('.2')])
  })

  it.each([
    ['no one', undefined, 'UNAUTHENTICATED', 401],
    ['its reader', 'reader', 'FORBIDDEN', 403],
    ['a stranger', someone(), 'FORBIDDEN', 403],
  ] as const)('is not for %s, by no door', async (_who, who, code, status) => {
    const { person, letters } = await customerWithLetters()
    const asks = who === 'reader' ? person : who
    const { id } = letters[0]!
    const answer = await service.request(asks, 'POST', `/notifications/${id}/resend`)
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toMatchObject({ code })
    expect(await service.graphql(asks, resend, { id })).toMatchObject({ errors: [{ extensions: { code } }] })
    expect((await list(person))[0]).toMatchObject({ status: 'SENT', attempts: 1 })
  })

  it.each(['unknown', '%00', '%C3%A9', '{"$gt":""}'])('is NOT_FOUND for the id %s', async (id) => {
    const answer = await service.request(admin, 'POST', `/notifications/${id}/resend`)
    expect(answer.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect((await service.graphql(admin, resend, { id })).errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
  })
})

const entities = `query ($of: [_Any!]!) { _entities(representations: $of) {
  ... on Notification { id subject } ... on Order { id notifications { subject } } } }`
const keys = (__typename: string, ids: string[]) => ({ of: ids.map((id) => ({ __typename, id })) })

describe('what other subgraphs ask', () => {
  it('is all letters of all orders, oldest first, and none of a stranger', async () => {
    const [mine, theirs] = await Promise.all([customerWithLetters(2), customerWithLetters()])
    const of = keys('Order', [mine.orderId, theirs.orderId, 'unknown', mine.orderId])
    const own = ['reçue', 'confirmée'].map((word) => ({ subject: `Votre commande #1042 a été ${word}` }))
    const answer = await service.graphql(mine.person, entities, of)
    expect(answer.data._entities.map(({ notifications }: { notifications: object[] }) => notifications)).toEqual([
      own,
      [],
      [],
      own,
    ])
    const all = await service.graphql(admin, entities, of)
    expect(all.data._entities[1].notifications).toHaveLength(1)
  })

  it("is a letter by its id, one's own or as an admin, else NOT_FOUND", async () => {
    const [mine, theirs] = await Promise.all([customerWithLetters(), customerWithLetters()])
    const of = keys('Notification', [theirs.letters[0]!.id, mine.letters[0]!.id, 'unknown'])
    const answer = await service.graphql(mine.person, entities, of)
    expect(answer.data._entities).toMatchObject([null, { id: mine.letters[0]!.id }, null])
    expect(answer.errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toEqual([
      'NOT_FOUND',
      'NOT_FOUND',
    ])
    expect((await service.graphql(admin, entities, of)).data._entities[0]).toMatchObject({ id: theirs.letters[0]!.id })
  })

  it.each(['Order', 'Notification'])('is for those who are signed in: %s', async (type) => {
    const { orderId, letters } = await customerWithLetters()
    const answer = await service.graphql(undefined, entities, keys(type, [orderId, letters[0]!.id]))
    expect(JSON.stringify(answer.data)).not.toContain('Votre commande')
    expect(answer.errors[0].extensions.code).toBe('UNAUTHENTICATED')
  })
})

describe('an operator', () => {
  it('sees that it is ready, and what it did', async () => {
    await customerWithLetters()
    // A busy machine answers a ping too late, and writes down a moment later what it has sent.
    const { needs } = await eventually('it is ready', async () => {
      const ready = (await service.app.inject('/readyz')).json()
      return ready.status === 'ok' && ready
    })
    expect(needs).toEqual({ mongodb: 'ok', kafka: 'ok', smtp: 'ok' })
    const body = await eventually('no letter waits', async () => {
      const { body } = await service.app.inject('/metrics')
      return /^letters_pending\{.*\} 0$/m.test(body) && body
    })
    expect(body).toMatch(/^letters_total\{outcome="sent",.*\} [1-9]/m)
    expect(body).toMatch(/^order_events_total\{outcome="recorded",.*\} [1-9]/m)
    expect(body).toMatch(/^letter_latency_seconds_count\{.*\} [1-9]/m)
    expect(body).toMatch(/^letters_oldest_pending_seconds\{.*\} 0$/m)
  })
})

describe('when the mail server is away', () => {
  it('is not ready, still hears and answers, and tells only an admin why a letter waits', async () => {
    const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: 'smtp://127.0.0.1:1' }
    const alone = await startNotificationService(servers, { retryScale: 10 })
    try {
      await eventually('it misses the mail server alone', async () => {
        const { status, needs } = (await alone.app.inject('/readyz')).json()
        expect({ status, smtp: needs.smtp }).toEqual({ status: 'unavailable', smtp: 'missing' })
        return needs.mongodb === 'ok' && needs.kafka === 'ok'
      })
      const { role: _role, sid: _sid, ...customer } = someone()
      await alone.tell(someEvent({ customer }))
      const seenBy = async (person: TestPerson) =>
        (await alone.request(person, 'GET', '/notifications')).json().items[0]
      await eventually('it was tried', async () => (await seenBy(admin))?.attempts === 1)
      const forAdmin = await seenBy(admin)
      expect(forAdmin).toMatchObject({ status: 'PENDING', lastError: 'the mail server could not be reached' })
      const { lastError: _lastError, ...forCustomer } = forAdmin
      expect(await seenBy({ ...customer, role: 'user', sid: 's' })).toEqual(forCustomer)
    } finally {
      await alone.close()
    }
  })
})
