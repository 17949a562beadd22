import { randomUUID } from 'node:crypto'
import { accountEventTypes } from '@halles/contracts/account-events'
import { connectMongo } from '@halles/mongo/mongo'
import { createAdmin, createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createAccountEvent, createOrderEvent } from '../test/events.ts'
import { findReceivedEmails, startTestService, type TestService } from '../test/test-service.ts'

let service: TestService
const admin = createAdmin()
beforeAll(async () => {
  const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: inject('smtp') }
  service = await startTestService(servers, { shopUrl: 'https://halles.example' })
})
afterAll(() => service.close())

const list = async (principal: TestPrincipal, query = ''): Promise<Record<string, unknown>[]> =>
  (await service.request(principal, 'GET', `/notifications${query}`)).json().items
const waitForOnlyNotification = (principal: TestPrincipal, status: string) =>
  eventually(`exactly one notification is ${status}`, async () => {
    const found = await list(principal, `?status=${status}`)
    return found.length === 1 && found[0]
  })

/** Creates the holder of an account: as the principal of requests, and as the user of events. */
function createAccountHolder() {
  const { role: _role, sid: _sid, ...user } = createPrincipal()
  return { user, principal: { ...user, role: 'user', sid: 'sid' } as TestPrincipal }
}

describe('an account event', () => {
  it.each(accountEventTypes)('of the type %s is sent as one e-mail, however often it is delivered', async (type) => {
    const { user, principal } = createAccountHolder()
    const event = await createAccountEvent(type, { user })
    await service.publishAccountEvents(event, event)
    const [email] = await findReceivedEmails(inject('mailbox'), user.email)
    expect(email!.headers).toMatchObject({ 'message-id': `<${event.id}@halles.example>` })
    expect(email!.headers).not.toHaveProperty('x-order-id')
    const next = await createAccountEvent('account.role-changed', { user })
    await service.publishAccountEvents(event, next)
    const received = await findReceivedEmails(inject('mailbox'), user.email, 2)
    expect(received.map(({ headers }) => headers['message-id'])).toEqual(
      [event, next].map(({ id }) => `<${id}@halles.example>`),
    )
    await eventually('both are sent', async () => (await list(principal, '?status=SENT')).length === 2)
  })

  it('has its link decrypted only in the e-mail', async () => {
    const { user, principal } = createAccountHolder()
    const token = `${user.id}.${randomUUID()}`
    await service.publishAccountEvents(await createAccountEvent('account.password-reset-requested', { user, token }))
    const [email] = await findReceivedEmails(inject('mailbox'), user.email)
    const link = `https://halles.example/password/reset#token=${token}`
    expect(email!.text).toContain(link)
    expect(email!.html).toContain(`href="${link}"`)
    const { id } = await waitForOnlyNotification(principal, 'SENT')
    const mongo = await connectMongo(service.mongodbUrl, 'notification-test')
    try {
      const stored = await mongo.db.collection<{ _id: string }>('emails').findOne({ _id: id as string })
      expect(stored).toMatchObject({ account: { link: { sealed: expect.any(String) } } })
      expect(JSON.stringify(stored)).not.toContain(token)
    } finally {
      await mongo.close()
    }
  })

  it('is listed as a notification without an order', async () => {
    const { user, principal } = createAccountHolder()
    await service.publishAccountEvents(await createAccountEvent('account.password-changed', { user }))
    const notification = await waitForOnlyNotification(principal, 'SENT')
    expect(notification).toMatchObject({ orderId: null, recipient: user.email, attempts: 1 })
    const query = '{ notifications { nodes { id order { id } } } }'
    const { data } = await service.graphql(principal, query)
    expect(data.notifications.nodes).toEqual([{ id: notification['id'], order: null }])
    expect(await list(createPrincipal())).toEqual([])
  })

  it('whose link has expired is not sent, and its notification is FAILED', async () => {
    const { user, principal } = createAccountHolder()
    const expiresAt = new Date(Date.now() - 1)
    const type = 'account.email-verification-requested'
    await service.publishAccountEvents(await createAccountEvent(type, { user, expiresAt }))
    const { id } = await waitForOnlyNotification(principal, 'FAILED')
    const [listed] = (await list(admin, '?status=FAILED&first=100')).filter((notification) => notification['id'] === id)
    expect(listed).toMatchObject({ attempts: 1, lastError: 'its link has expired' })
    await service.publishAccountEvents(await createAccountEvent('account.password-changed', { user }))
    expect(await findReceivedEmails(inject('mailbox'), user.email)).toMatchObject([
      { subject: 'Votre mot de passe a été changé' },
    ])
  })

  it('whose link was encrypted with another secret stays pending until the secrets agree', async () => {
    const { user, principal } = createAccountHolder()
    const secret = 'the secret of a misconfigured auth-service'
    await service.publishAccountEvents(await createAccountEvent('account.password-reset-requested', { user, secret }))
    await eventually('an attempt has failed', async () => (await list(principal))[0]?.['attempts'] === 1)
    const [listed] = (await list(admin, '?status=PENDING')).filter(({ recipient }) => recipient === user.email)
    expect(listed).toMatchObject({ lastError: 'its link could not be decrypted' })
  })

  it('that is invalid is dead-lettered, and delays no other', async () => {
    const { user } = createAccountHolder()
    const event = await createAccountEvent('account.password-changed', { user })
    const request = await createAccountEvent('account.password-reset-requested')
    const linkless = { ...request, data: { user: request.data.user } }
    await service.publishAccountEvents(linkless, { ...event, subject: 'another' }, event)
    expect(await findReceivedEmails(inject('mailbox'), user.email)).toHaveLength(1)
    const origin = { topic: service.consumers.accountEvents.topic, group: service.consumers.accountEvents.groupId }
    await eventually('both dead letters are listed', async () => {
      const { items } = (await service.request(admin, 'GET', '/dead-letters')).json()
      const own = items.filter((deadLetter: { origin: { topic: string } }) => deadLetter.origin.topic === origin.topic)
      if (own.length < 2) return false
      expect(own.map(({ reason }: { reason: string }) => reason).sort()).toEqual([
        'a request without a link',
        'subject is not the id of the user',
      ])
      for (const deadLetter of own) expect(deadLetter).toMatchObject({ origin })
      return true
    })
  })
})

describe('the deletion of an account', () => {
  it('anonymizes all e-mails of its holder, and cancels the pending ones', async () => {
    const { user, principal } = createAccountHolder()
    const another = createAccountHolder()
    const secret = 'the secret of a misconfigured auth-service'
    const sent = createOrderEvent({ customer: user })
    await service.publishOrderEvents(sent, createOrderEvent({ customer: another.user }))
    await service.publishAccountEvents(await createAccountEvent('account.password-reset-requested', { user, secret }))
    await waitForOnlyNotification(principal, 'SENT')
    await waitForOnlyNotification(another.principal, 'SENT')
    await eventually(
      'an attempt has failed',
      async () => (await list(principal, '?status=PENDING'))[0]?.['attempts'] === 1,
    )

    await service.publishAccountDeletion(user.id)
    const { id } = await waitForOnlyNotification(principal, 'FAILED')
    const [failed] = (await list(admin, '?status=FAILED&first=100')).filter((notification) => notification['id'] === id)
    expect(failed).toMatchObject({ recipient: '', lastError: 'its account was deleted' })
    expect(await waitForOnlyNotification(principal, 'SENT')).toMatchObject({ recipient: '', orderId: sent.subject })
    const mongo = await connectMongo(service.mongodbUrl, 'notification-test')
    try {
      const stored = await mongo.db.collection('emails').find({ userId: user.id }).toArray()
      expect(stored).toHaveLength(2)
      expect(JSON.stringify(stored)).not.toMatch(new RegExp(`${user.email}|${user.name}|sealed`))
    } finally {
      await mongo.close()
    }
    expect(await findReceivedEmails(inject('mailbox'), user.email)).toHaveLength(1)
    expect(await waitForOnlyNotification(another.principal, 'SENT')).toMatchObject({ recipient: another.user.email })
  })

  it("stops e-mails about later changes of its holder's orders", async () => {
    const { user, principal } = createAccountHolder()
    await service.publishOrderEvents(createOrderEvent({ customer: { ...user, name: '', email: '' } }))
    expect(await waitForOnlyNotification(principal, 'FAILED')).toMatchObject({ recipient: '', attempts: 1 })
  })
})
