import { randomUUID } from 'node:crypto'
import { connectMongo } from '@halles/mongo/mongo'
import { createAdmin, createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createOrderEvent } from '../test/events.ts'
import { findReceivedEmails, startTestService, type TestService } from '../test/test-service.ts'

let service: TestService
const admin = createAdmin()
beforeAll(async () => {
  const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: inject('smtp') }
  service = await startTestService(servers, { shopUrl: 'https://halles.example' })
})
afterAll(() => service.close())

type Notification = { id: string; orderId: string; status: string; [field: string]: unknown }

const list = async (principal: TestPrincipal | undefined, query = ''): Promise<Notification[]> =>
  (await service.request(principal, 'GET', `/notifications${query}`)).json().items

/** Creates a customer, publishes `count` events of an order of theirs, and waits until the e-mails are sent. */
async function createCustomerWithEmails(count = 1) {
  const { role: _role, sid: _sid, ...customer } = createPrincipal()
  const principal = { ...customer, role: 'user', sid: 'sid' } as TestPrincipal
  const orderId = randomUUID()
  const events = Array.from({ length: count }, (_, i) => createOrderEvent({ customer, orderId, sequence: i + 1 }))
  await service.publishOrderEvents(...events)
  const notifications = await eventually('the e-mails are sent', async () => {
    const all = await list(principal)
    return all.length === count && all.every(({ status }) => status === 'SENT') && all
  })
  return { principal, customer, orderId, events, notifications }
}

const notificationsQuery = `query ($status: NotificationStatus, $first: Int, $after: String) {
  notifications(status: $status, first: $first, after: $after) {
    nodes { id subject recipient status attempts createdAt sentAt order { id } }
    edges { cursor node { id } } pageInfo { hasNextPage endCursor } totalCount totalCountIsExact } }`

describe('an order event', () => {
  it('is sent as one e-mail, with its headers and its trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const event = { ...createOrderEvent(), traceparent }
    await service.publishOrderEvents(event, event)
    const { email: address } = event.data.customer
    const [email] = await findReceivedEmails(inject('mailbox'), address)
    expect(email).toMatchObject({
      subject: 'Votre commande #1042 a été confirmée',
      to: [{ address, name: 'Camille Martin' }],
      headers: {
        'message-id': `<${event.id}@halles.example>`,
        'x-order-id': event.subject,
        'x-trace-id': '0af7651916cd43dd8448eb211c80319c',
        'auto-submitted': 'auto-generated',
      },
    })
    expect(email!.text).toContain(`https://halles.example/orders/${event.subject}`)
    await service.publishOrderEvents(event)
    const next = createOrderEvent({ orderId: event.subject, sequence: 3, customer: event.data.customer })
    await service.publishOrderEvents(next)
    const both = await findReceivedEmails(inject('mailbox'), address, 2)
    expect(both.map(({ headers }) => headers['message-id'])).toEqual(
      [event, next].map(({ id }) => `<${id}@halles.example>`),
    )
  })

  it('is sent after a poison message of the same order', async () => {
    const event = createOrderEvent()
    await service.publishMessage(event.subject, 'nonsense')
    await service.publishOrderEvents(event)
    expect(await findReceivedEmails(inject('mailbox'), event.data.customer.email)).toHaveLength(1)
  })
})

describe('the list of notifications', () => {
  it("contains one's own, newest first, page by page, in REST and in GraphQL", async () => {
    const { principal, notifications, orderId, customer } = await createCustomerWithEmails(3)
    expect(notifications.map(({ subject }) => subject)).toEqual(
      ['préparée', 'confirmée', 'reçue'].map((word) => `Votre commande #1042 a été ${word}`),
    )
    expect(notifications[0]).toEqual({
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
      const page = (await service.request(principal, 'GET', `/notifications?first=2${after}`)).json()
      expect(page).toMatchObject({ totalCount: 3, totalCountIsExact: true })
      seen.push(...page.items.map(({ id }: Notification) => id))
      if (!page.pageInfo.hasNextPage) break
      after = `&after=${page.pageInfo.endCursor}`
    }
    expect(seen).toEqual(notifications.map(({ id }) => id))

    const { data } = await service.graphql(principal, notificationsQuery, { first: 2 })
    expect(data.notifications.nodes).toEqual(
      notifications.slice(0, 2).map(({ orderId, ...notification }) => ({ ...notification, order: { id: orderId } })),
    )
    const next = await service.graphql(principal, notificationsQuery, {
      first: 2,
      after: data.notifications.pageInfo.endCursor,
    })
    expect(next.data.notifications.edges.map(({ node }: { node: Notification }) => node.id)).toEqual([
      notifications[2]!.id,
    ])
  })

  it("contains no one else's, and everyone's for an admin", async () => {
    const [own, other] = await Promise.all([createCustomerWithEmails(), createCustomerWithEmails()])
    expect(await list(own.principal)).toEqual(own.notifications)
    expect(await list(own.principal, `?orderId=${other.orderId}`)).toEqual([])
    expect(await list(admin, `?orderId=${other.orderId}`)).toEqual(other.notifications)
    const ids = (await list(admin, '?first=100')).map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining([own.notifications[0]!.id, other.notifications[0]!.id]))
  })

  it('is filtered by order and by up to 20 users, in REST and in GraphQL', async () => {
    const [one, two] = await Promise.all([createCustomerWithEmails(2), createCustomerWithEmails()])
    const users = `userIds=${one.principal.id},nobody`
    expect(await list(admin, `?${users}`)).toEqual(one.notifications)
    expect(await list(admin, `?${users}&orderId=${two.orderId}`)).toEqual([])
    expect(await list(admin, `?${users}&status=FAILED`)).toEqual([])
    expect(await list(two.principal, `?${users}`)).toEqual([])
    expect(await list(one.principal, `?${users}`)).toEqual(one.notifications)

    const query = `query ($userIds: [ID!], $orderId: ID) {
      notifications(userIds: $userIds, orderId: $orderId) { nodes { id } totalCount } }`
    const count = async (variables: object) =>
      (await service.graphql(admin, query, variables)).data.notifications.totalCount
    expect(await count({ userIds: [one.principal.id, two.principal.id] })).toBe(3)
    expect(await count({ orderId: one.orderId })).toBe(2)
    expect(await count({ userIds: [] })).toBe(0)
    const tooMany = Array.from({ length: 21 }, (_, i) => `u${i}`)
    const refused = await service.request(admin, 'GET', `/notifications?userIds=${tooMany.join(',')}`)
    expect(refused.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/userIds' }] })
    const { errors } = await service.graphql(admin, query, { userIds: tooMany })
    expect(errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED' } }])
  })

  it('is filtered by status', async () => {
    const { principal, notifications } = await createCustomerWithEmails()
    expect(await list(principal, '?status=SENT')).toEqual(notifications)
    expect(await list(principal, '?status=FAILED')).toEqual([])
    const { data } = await service.graphql(principal, notificationsQuery, { status: 'FAILED' })
    expect(data.notifications).toMatchObject({ nodes: [], totalCount: 0 })
  })

  it.each(['?first=0', '?first=101', '?status=LOST', '?unknown=1', '?after=nonsense'])(
    'refuses the query %s',
    async (query) => {
      const response = await service.request(createPrincipal(), 'GET', `/notifications${query}`)
      expect(response.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
    },
  )

  it('refuses in GraphQL what it refuses in REST', async () => {
    for (const variables of [{ first: 0 }, { first: 101 }, { after: 'nonsense' }]) {
      const { errors } = await service.graphql(createPrincipal(), notificationsQuery, variables)
      expect(errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED' } }])
    }
  })

  it('requires authentication', async () => {
    expect((await service.request(undefined, 'GET', '/notifications')).json()).toMatchObject({
      code: 'UNAUTHENTICATED',
    })
    expect((await service.graphql(undefined, notificationsQuery)).errors).toMatchObject([
      { extensions: { code: 'UNAUTHENTICATED' } },
    ])
  })
})

const resendMutation = 'mutation ($id: ID!) { resendNotification(id: $id) { id status attempts } }'

describe('resending a notification', () => {
  it('answers before the attempt, and sends a message with a Message-ID of its own', async () => {
    const { notifications, events, customer } = await createCustomerWithEmails()
    const { id } = notifications[0]!
    const response = await service.request(admin, 'POST', `/notifications/${id}/resend`)
    expect(response.statusCode).toBe(202)
    expect(response.json()).toMatchObject({ id, status: 'PENDING', attempts: 1 })
    await findReceivedEmails(inject('mailbox'), customer.email, 2)
    await eventually(
      'the resend is recorded',
      async () => (await list(admin, `?status=SENT&orderId=${events[0]!.subject}`))[0],
    )
    expect((await service.graphql(admin, resendMutation, { id })).data.resendNotification).toMatchObject({
      id,
      attempts: 2,
    })
    const received = await findReceivedEmails(inject('mailbox'), customer.email, 3)
    const toId = (suffix: string) => `<${events[0]!.id}${suffix}@halles.example>`
    expect(received.map(({ headers }) => headers['message-id'])).toEqual([toId(''), toId('.1'), toId('.2')])
  })

  it.each([
    ['an anonymous client', undefined, 'UNAUTHENTICATED', 401],
    ['its recipient', 'recipient', 'FORBIDDEN', 403],
    ['another customer', createPrincipal(), 'FORBIDDEN', 403],
  ] as const)('is refused to %s, by REST and by GraphQL', async (_name, requester, code, status) => {
    const { principal, notifications } = await createCustomerWithEmails()
    const actor = requester === 'recipient' ? principal : requester
    const { id } = notifications[0]!
    const response = await service.request(actor, 'POST', `/notifications/${id}/resend`)
    expect(response.statusCode).toBe(status)
    expect(response.json()).toMatchObject({ code })
    expect(await service.graphql(actor, resendMutation, { id })).toMatchObject({ errors: [{ extensions: { code } }] })
    expect((await list(principal))[0]).toMatchObject({ status: 'SENT', attempts: 1 })
  })

  it.each(['unknown', '%00', '%C3%A9', '{"$gt":""}'])('answers NOT_FOUND for the id %s', async (id) => {
    const response = await service.request(admin, 'POST', `/notifications/${id}/resend`)
    expect(response.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect((await service.graphql(admin, resendMutation, { id })).errors).toMatchObject([
      { extensions: { code: 'NOT_FOUND' } },
    ])
  })
})

const entitiesQuery = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
  ... on Notification { id subject } ... on Order { id notifications { subject } } } }`
const createRepresentations = (__typename: string, ids: string[]) => ({
  representations: ids.map((id) => ({ __typename, id })),
})

describe('the _entities field', () => {
  it('resolves the notifications of several orders, oldest first, and none of another customer', async () => {
    const [own, other] = await Promise.all([createCustomerWithEmails(2), createCustomerWithEmails()])
    const variables = createRepresentations('Order', [own.orderId, other.orderId, 'unknown', own.orderId])
    const ownSubjects = ['reçue', 'confirmée'].map((word) => ({ subject: `Votre commande #1042 a été ${word}` }))
    const response = await service.graphql(own.principal, entitiesQuery, variables)
    expect(response.data._entities.map(({ notifications }: { notifications: object[] }) => notifications)).toEqual([
      ownSubjects,
      [],
      [],
      ownSubjects,
    ])
    const all = await service.graphql(admin, entitiesQuery, variables)
    expect(all.data._entities[1].notifications).toHaveLength(1)
  })

  it("resolves a notification by its id: one's own, any for an admin, else NOT_FOUND", async () => {
    const [own, other] = await Promise.all([createCustomerWithEmails(), createCustomerWithEmails()])
    const variables = createRepresentations('Notification', [
      other.notifications[0]!.id,
      own.notifications[0]!.id,
      'unknown',
    ])
    const response = await service.graphql(own.principal, entitiesQuery, variables)
    expect(response.data._entities).toMatchObject([null, { id: own.notifications[0]!.id }, null])
    expect(response.errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toEqual([
      'NOT_FOUND',
      'NOT_FOUND',
    ])
    expect((await service.graphql(admin, entitiesQuery, variables)).data._entities[0]).toMatchObject({
      id: other.notifications[0]!.id,
    })
  })

  it.each(['Order', 'Notification'])('requires authentication for the type %s', async (type) => {
    const { orderId, notifications } = await createCustomerWithEmails()
    const response = await service.graphql(
      undefined,
      entitiesQuery,
      createRepresentations(type, [orderId, notifications[0]!.id]),
    )
    expect(JSON.stringify(response.data)).not.toContain('Votre commande')
    expect(response.errors[0].extensions.code).toBe('UNAUTHENTICATED')
  })
})

describe('notification-service', () => {
  it('reports that it is ready, and its metrics', async () => {
    await createCustomerWithEmails()
    // A busy machine may answer a ping too late, and record an attempt some time after the e-mail was sent.
    const { needs } = await eventually('it is ready', async () => {
      const ready = (await service.app.inject('/readyz')).json()
      return ready.status === 'ok' && ready
    })
    expect(needs).toEqual({ mongodb: 'ok', kafka: 'ok', smtp: 'ok' })
    const body = await eventually('no e-mail is pending', async () => {
      const { body } = await service.app.inject('/metrics')
      return /^emails_pending\{.*\} 0$/m.test(body) && body
    })
    expect(body).toMatch(/^email_delivery_attempts_total\{outcome="sent",.*\} [1-9]/m)
    expect(body).toMatch(/^order_events_total\{outcome="recorded",.*\} [1-9]/m)
    expect(body).toMatch(/^email_delivery_latency_seconds_count\{.*\} [1-9]/m)
    expect(body).toMatch(/^emails_oldest_pending_seconds\{.*\} 0$/m)
  })
})

describe('the metrics of pending e-mails', () => {
  it('are those of the moment of the scrape', async () => {
    const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: 'smtp://127.0.0.1:1' }
    const service = await startTestService(servers)
    try {
      await service.publishOrderEvents(createOrderEvent())
      const readAge = async () =>
        Number(/^emails_oldest_pending_seconds\{.*\} (\S+)$/m.exec((await service.app.inject('/metrics')).body)![1])
      await eventually('an e-mail is pending', async () => (await readAge()) > 0)
      const mongo = await connectMongo(service.mongodbUrl, 'notification-test')
      await mongo.db.collection('emails').updateMany({}, { $set: { firstAttemptAt: new Date(Date.now() - 3_600_000) } })
      await mongo.close()
      expect(await readAge()).toBeGreaterThanOrEqual(3600)
    } finally {
      await service.close()
    }
  })
})

describe('notification-service, while the mail server is away', () => {
  it('is not ready, still consumes and answers, and shows the last error only to an admin', async () => {
    const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: 'smtp://127.0.0.1:1' }
    const service = await startTestService(servers, { retryScale: 10 })
    try {
      await eventually('only the mail server is missing', async () => {
        const { status, needs } = (await service.app.inject('/readyz')).json()
        expect({ status, smtp: needs.smtp }).toEqual({ status: 'unavailable', smtp: 'missing' })
        return needs.mongodb === 'ok' && needs.kafka === 'ok'
      })
      const { role: _role, sid: _sid, ...customer } = createPrincipal()
      await service.publishOrderEvents(createOrderEvent({ customer }))
      const readAs = async (principal: TestPrincipal) =>
        (await service.request(principal, 'GET', '/notifications')).json().items[0]
      await eventually('an attempt has failed', async () => (await readAs(admin))?.attempts === 1)
      const forAdmin = await readAs(admin)
      expect(forAdmin).toMatchObject({ status: 'PENDING', lastError: 'the mail server could not be reached' })
      const { lastError: _lastError, ...forCustomer } = forAdmin
      const recipient: TestPrincipal = { ...customer, role: 'user', sid: 's' }
      expect(await readAs(recipient)).toEqual(forCustomer)
      const query = '{ notifications(status: PENDING) { nodes { lastError } } }'
      const lastErrorFor = async (principal: TestPrincipal) =>
        (await service.graphql(principal, query)).data.notifications.nodes[0].lastError
      expect(await lastErrorFor(admin)).toBe('the mail server could not be reached')
      expect(await lastErrorFor(recipient)).toBeNull()
    } finally {
      await service.close()
    }
  })
})
