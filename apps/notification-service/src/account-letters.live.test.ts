import { randomUUID } from 'node:crypto'
import { accountEventTypes } from '@halles/contracts/account-events'
import { openMongo } from '@halles/service/mongo'
import { ownDatabase } from '@halles/testkit/database'
import { someAdmin, someone, type TestPerson } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { someAccountEvent, someCustomer, someEvent } from '../test/events.ts'
import { lettersIn as lettersTo, startNotificationService, type Running } from '../test/running.ts'
import { lettersIn } from './letters.ts'

let service: Running
const admin = someAdmin()
beforeAll(async () => {
  const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: inject('smtp') }
  service = await startNotificationService(servers, { shopUrl: 'https://halles.example' })
})
afterAll(() => service.close())

const list = async (person: TestPerson, query = ''): Promise<Record<string, unknown>[]> =>
  (await service.request(person, 'GET', `/notifications${query}`)).json().items
const soleLetterOf = (person: TestPerson, status: string) =>
  eventually(`a letter is ${status}`, async () => {
    const all = await list(person, `?status=${status}`)
    return all.length === 1 && all[0]
  })

/** Someone whose account it is: as a person who asks, and as events know them. */
function owner() {
  const { role: _role, sid: _sid, ...user } = someone()
  return { user, person: { ...user, role: 'user', sid: 'sid' } as TestPerson }
}

describe('an event about an account', () => {
  it.each(accountEventTypes)('%s becomes one letter, however often it comes', async (type) => {
    const { user, person } = owner()
    const event = await someAccountEvent(type, { user })
    await service.tellOfAccounts(event, event)
    const [letter] = await lettersTo(inject('mailbox'), user.email)
    expect(letter!.headers).toMatchObject({ 'message-id': `<${event.id}@halles.example>` })
    expect(letter!.headers).not.toHaveProperty('x-order-id')
    const next = await someAccountEvent('account.role-changed', { user })
    await service.tellOfAccounts(event, next)
    const all = await lettersTo(inject('mailbox'), user.email, 2)
    expect(all.map(({ headers }) => headers['message-id'])).toEqual(
      [event, next].map(({ id }) => `<${id}@halles.example>`),
    )
    await eventually('both are sent', async () => (await list(person, '?status=SENT')).length === 2)
  })

  it('has its link opened for the letter only', async () => {
    const { user, person } = owner()
    const token = `${user.id}.${randomUUID()}`
    await service.tellOfAccounts(await someAccountEvent('account.password-reset-requested', { user, token }))
    const [letter] = await lettersTo(inject('mailbox'), user.email)
    const link = `https://halles.example/password/reset#token=${token}`
    expect(letter!.text).toContain(link)
    expect(letter!.html).toContain(`href="${link}"`)
    const { id } = await soleLetterOf(person, 'SENT')
    const mongo = await openMongo(service.mongodbUrl, 'notification-test')
    try {
      const kept = await mongo.db.collection<{ _id: string }>('letters').findOne({ _id: id as string })
      expect(kept).toMatchObject({ account: { link: { sealed: expect.any(String) } } })
      expect(JSON.stringify(kept)).not.toContain(token)
    } finally {
      await mongo.close()
    }
  })

  it('is in the list of letters, about no order', async () => {
    const { user, person } = owner()
    await service.tellOfAccounts(await someAccountEvent('account.password-changed', { user }))
    const letter = await soleLetterOf(person, 'SENT')
    expect(letter).toMatchObject({ orderId: null, recipient: user.email, attempts: 1 })
    const query = '{ notifications { nodes { id order { id } } } }'
    const { data } = await service.graphql(person, query)
    expect(data.notifications.nodes).toEqual([{ id: letter['id'], order: null }])
    expect(await list(someone())).toEqual([])
  })

  it('whose link has expired becomes no letter, and that can be seen', async () => {
    const { user, person } = owner()
    const expiresAt = new Date(Date.now() - 1)
    const type = 'account.email-verification-requested'
    await service.tellOfAccounts(await someAccountEvent(type, { user, expiresAt }))
    const { id } = await soleLetterOf(person, 'FAILED')
    const [seen] = (await list(admin, '?status=FAILED&first=100')).filter((letter) => letter['id'] === id)
    expect(seen).toMatchObject({ attempts: 1, lastError: 'its link has expired' })
    await service.tellOfAccounts(await someAccountEvent('account.password-changed', { user }))
    expect(await lettersTo(inject('mailbox'), user.email)).toMatchObject([
      { subject: 'Votre mot de passe a été changé' },
    ])
  })

  it('whose link was sealed under another secret waits until the secrets agree', async () => {
    const { user, person } = owner()
    const secret = 'of an auth-service that was set up otherwise'
    await service.tellOfAccounts(await someAccountEvent('account.password-reset-requested', { user, secret }))
    await eventually('it was tried', async () => (await list(person))[0]?.['attempts'] === 1)
    const [seen] = (await list(admin, '?status=PENDING')).filter(({ recipient }) => recipient === user.email)
    expect(seen).toMatchObject({ lastError: 'its link could not be opened' })
  })

  it('that makes no sense is parked, and holds up nothing', async () => {
    const { user } = owner()
    const event = await someAccountEvent('account.password-changed', { user })
    const request = await someAccountEvent('account.password-reset-requested')
    const linkless = { ...request, data: { user: request.data.user } }
    await service.tellOfAccounts(linkless, { ...event, subject: 'another' }, event)
    expect(await lettersTo(inject('mailbox'), user.email)).toHaveLength(1)
    const origin = { topic: service.aboutAccounts.topic, group: service.aboutAccounts.groupId }
    await eventually('both are listed', async () => {
      const { items } = (await service.request(admin, 'GET', '/dead-letters')).json()
      const ours = items.filter((dead: { origin: { topic: string } }) => dead.origin.topic === origin.topic)
      if (ours.length < 2) return false
      expect(ours.map(({ reason }: { reason: string }) => reason).sort()).toEqual([
        'a request without a link',
        'subject is not the id of the user',
      ])
      for (const dead of ours) expect(dead).toMatchObject({ origin })
      return true
    })
  })
})

describe('someone whose account was deleted', () => {
  it('is forgotten in all their letters, and gets none that waits', async () => {
    const { user, person } = owner()
    const another = owner()
    const secret = 'of an auth-service that was set up otherwise'
    const sent = someEvent({ customer: user })
    await service.tell(sent, someEvent({ customer: another.user }))
    await service.tellOfAccounts(await someAccountEvent('account.password-reset-requested', { user, secret }))
    await soleLetterOf(person, 'SENT')
    await soleLetterOf(another.person, 'SENT')
    await eventually('one waits', async () => (await list(person, '?status=PENDING'))[0]?.['attempts'] === 1)

    await service.tellOfDeletion(user.id)
    const { id } = await soleLetterOf(person, 'FAILED')
    const [failed] = (await list(admin, '?status=FAILED&first=100')).filter((letter) => letter['id'] === id)
    expect(failed).toMatchObject({ recipient: '', lastError: 'its account was deleted' })
    expect(await soleLetterOf(person, 'SENT')).toMatchObject({ recipient: '', orderId: sent.subject })
    const mongo = await openMongo(service.mongodbUrl, 'notification-test')
    try {
      const kept = await mongo.db.collection('letters').find({ userId: user.id }).toArray()
      expect(kept).toHaveLength(2)
      expect(JSON.stringify(kept)).not.toMatch(new RegExp(`${user.email}|${user.name}|sealed`))
    } finally {
      await mongo.close()
    }
    expect(await lettersTo(inject('mailbox'), user.email)).toHaveLength(1)
    expect(await soleLetterOf(another.person, 'SENT')).toMatchObject({ recipient: another.user.email })
  })

  it('gets no letter about an order that goes on', async () => {
    const { user, person } = owner()
    await service.tell(someEvent({ customer: { ...user, name: '', email: '' } }))
    expect(await soleLetterOf(person, 'FAILED')).toMatchObject({ recipient: '', attempts: 1 })
  })
})

it('finds letters about orders by an index, also in a database from before there were others', async () => {
  const mongo = await openMongo(ownDatabase(inject('mongodb')), 'notification-test')
  try {
    const collection = mongo.db.collection('letters')
    await collection.createIndex({ orderId: 1, sequence: 1 }, { unique: true })
    await lettersIn(mongo.db)
    const about = { orderId: { $in: [someEvent().subject, someEvent().subject] }, userId: someCustomer().id }
    const plan = await collection.find(about).sort({ orderId: 1, sequence: 1 }).explain('queryPlanner')
    expect(JSON.stringify(plan)).toContain('"indexName":"place"')
    expect((await collection.indexes()).map(({ name }) => name)).not.toContain('orderId_1_sequence_1')
    await collection.insertMany([{ eventId: 'a' }, { eventId: 'b' }])
  } finally {
    await mongo.close()
  }
})
