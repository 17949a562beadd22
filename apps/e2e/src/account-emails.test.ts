import { randomUUID } from 'node:crypto'
import { connectMongo } from '@halles/mongo/mongo'
import { eventually } from '@halles/test-fixtures/wait'
import { beforeAll, expect, inject, it, onTestFinished } from 'vitest'
import { createShopClient, type Email, type ApiClient } from './shop-client.ts'

const shop = createShopClient(inject('shop'))
const { anonymous } = shop
let admin: ApiClient
beforeAll(async () => {
  admin = await shop.signInAdmin()
})

/** Waits for the only e-mail to an address with this subject. */
const waitForEmailTo = (address: string, subject: string): Promise<Email> =>
  eventually(`« ${subject} »`, async () => {
    const emails = (await shop.findEmailsTo(address)).filter((email) => email.subject === subject)
    if (emails.length > 1) throw new Error(`${emails.length} e-mails « ${subject} »`)
    return emails[0]
  })

/** The token in the link of an e-mail; its text and HTML must have the same link. */
function findToken({ text, html }: Email): string {
  const [link, token] = /https?:\/\/\S+#token=(\S+)/.exec(text) as unknown as [string, string]
  expect(html).toContain(`href="${link}"`)
  return decodeURIComponent(token)
}

it('a user who forgot the password sets a new one by the link of an e-mail, once', async () => {
  const [email, unknownEmail] = [`${randomUUID()}@example.test`, `${randomUUID()}@example.test`]
  const [password, newPassword] = [randomUUID(), randomUUID()]
  const { body: session } = await anonymous.rest('POST', '/register', { name: 'Camille Martin', email, password })
  const oldHeaders = { authorization: `Bearer ${session.accessToken}` }

  const verification = findToken(await waitForEmailTo(email, 'Confirmez votre adresse e-mail'))
  expect((await anonymous.rest('GET', '/me', undefined, oldHeaders)).body).toMatchObject({ emailVerified: false })
  expect(await anonymous.rest('POST', '/email/verify', { token: verification })).toMatchObject({ status: 204 })
  expect((await anonymous.rest('GET', '/me', undefined, oldHeaders)).body).toMatchObject({ emailVerified: true })

  const [unknownResponse, ownResponse] = await Promise.all(
    [unknownEmail, email].map((email) => anonymous.rest('POST', '/password/forgotten', { email })),
  )
  expect({ status: unknownResponse!.status, body: unknownResponse!.body }).toEqual({
    status: 202,
    body: ownResponse!.body,
  })
  const token = findToken(await waitForEmailTo(email, 'Choisissez un nouveau mot de passe'))

  expect(await anonymous.rest('POST', '/password/reset', { token, newPassword })).toMatchObject({ status: 204 })
  const again = await anonymous.rest('POST', '/password/reset', { token, newPassword: randomUUID() })
  expect(again.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/token' }] })
  const login = (password: string) => anonymous.rest('POST', '/login', { email, password })
  expect((await login(password)).body).toMatchObject({ code: 'INVALID_CREDENTIALS' })
  expect(await login(newPassword)).toMatchObject({ status: 200 })
  const refreshed = await anonymous.rest('POST', '/refresh', { refreshToken: session.refreshToken })
  expect(refreshed.body).toMatchObject({ code: 'UNAUTHENTICATED' })
  await eventually('other services refuse the token of the session', async () => {
    const { status } = await anonymous.rest('GET', '/orders', undefined, oldHeaders)
    return status === 401
  })

  const notice = await waitForEmailTo(email, 'Votre mot de passe a été changé')
  expect(notice.headers).not.toHaveProperty('x-order-id')
  // That request came before all those that were answered since: an e-mail would have been sent by now.
  expect(await shop.findEmailsTo(unknownEmail)).toEqual([])
  const newSession = (await login(newPassword)).body
  const { body } = await anonymous.rest('GET', '/notifications', undefined, {
    authorization: `Bearer ${newSession.accessToken}`,
  })
  expect(body.items).toMatchObject(Array.from({ length: 3 }, () => ({ orderId: null, recipient: email })))
})

it('a user who changes the e-mail address signs in and gets e-mails with the new one, and the old one is notified', async () => {
  const [oldEmail, newEmail] = [`${randomUUID()}@example.test`, `${randomUUID()}@example.test`]
  const password = randomUUID()
  const account = { name: 'Zoé <b>Martin</b>', email: oldEmail, password, locale: 'en' }
  const { body: session } = await anonymous.rest('POST', '/register', account)
  let headers = { authorization: `Bearer ${session.accessToken}` }
  const product = await shop.createProduct(admin)
  const items = [{ productId: product.id, quantity: 1 }]
  const { body: first } = await anonymous.rest('POST', '/orders', { items }, headers)

  expect(await anonymous.rest('PUT', '/me/email', { email: newEmail, password }, headers)).toMatchObject({
    status: 202,
  })
  const confirmation = await waitForEmailTo(newEmail, 'Confirm your new e-mail address')
  expect(confirmation.html).toContain('Zoé &lt;b&gt;Martin&lt;/b&gt;')
  expect(await anonymous.rest('POST', '/email/change', { token: findToken(confirmation) })).toMatchObject({
    status: 204,
  })
  const notice = await waitForEmailTo(oldEmail, 'Your e-mail address has been changed')
  expect(notice.text + notice.html).not.toContain(newEmail)

  await eventually('other services refuse the token with the old address', async () => {
    const { status } = await anonymous.rest('GET', '/notifications', undefined, headers)
    return status === 401
  })
  const { body: next } = await anonymous.rest('POST', '/refresh', { refreshToken: session.refreshToken })
  expect(next.user).toMatchObject({ email: newEmail, emailVerified: true })
  headers = { authorization: `Bearer ${next.accessToken}` }
  expect(await anonymous.rest('POST', '/login', { email: newEmail, password })).toMatchObject({ status: 200 })

  const { body: second } = await anonymous.rest('POST', '/orders', { items }, headers)
  const waitForRecipients = async (id: string, count: number) =>
    (await shop.waitForOrderEmails(count, id)).map(({ to }) => to[0]!.address)
  expect(await waitForRecipients(second.id, 1)).toEqual([newEmail])
  // An order keeps the e-mail address with which it was placed.
  await admin.rest('PUT', `/orders/${first.id}/status`, { status: 'Confirmée' })
  expect(await waitForRecipients(first.id, 2)).toEqual([oldEmail, oldEmail])
})

it('deleting an account erases its personal data in every service and keeps its orders', async () => {
  const [email, password] = [`${randomUUID()}@example.test`, randomUUID()]
  const { body: session } = await anonymous.rest('POST', '/register', { name: 'Camille Martin', email, password })
  const { id } = session.user
  const headers = { authorization: `Bearer ${session.accessToken}` }
  const product = await shop.createProduct(admin)
  const items = [{ productId: product.id, quantity: 2 }]
  const { body: order } = await anonymous.rest('POST', '/orders', { items }, headers)
  await shop.waitForOrderEmails(1, order.id)
  const { body: data } = await anonymous.rest('GET', '/me/data', undefined, headers)
  expect(data).toMatchObject({ user: { id, email }, sessions: [{ current: true }] })

  expect((await anonymous.rest('DELETE', '/me', { password: 'another' }, headers)).body.code).toBe(
    'INVALID_CREDENTIALS',
  )
  expect(await anonymous.rest('DELETE', '/me', { password }, headers)).toMatchObject({ status: 204 })
  await eventually('other services refuse the token', async () => {
    const { status } = await anonymous.rest('GET', '/orders', undefined, headers)
    return status === 401
  })
  expect((await anonymous.rest('POST', '/login', { email, password })).body.code).toBe('INVALID_CREDENTIALS')

  await eventually('the recipients of the e-mails are erased', async () => {
    const { body } = await admin.rest('GET', `/notifications?orderId=${order.id}`)
    return body.items.length === 1 && body.items[0].recipient === ''
  })
  const query = 'query ($id: ID!) { order(id: $id) { total items { quantity } customer { id name email } } }'
  const { data: read } = await admin.graphql(query, { id: order.id })
  expect(read.order).toEqual({ total: order.total, items: [{ quantity: 2 }], customer: { id, name: '', email: '' } })
  const orderDatabase = new URL(inject('mongodb'))
  orderDatabase.pathname = '/halles_order'
  const { db, close } = await connectMongo(orderDatabase.href, 'e2e')
  onTestFinished(close)
  await eventually('the customer of the order is erased', () =>
    db.collection<{ _id: string }>('orders').findOne({ _id: order.id, 'customer.email': '' }),
  )
  // A later status change of the order sends no e-mail.
  await admin.rest('PUT', `/orders/${order.id}/status`, { status: 'Confirmée' })
  await eventually('the next e-mail has failed for good', async () => {
    const { body } = await admin.rest('GET', `/notifications?orderId=${order.id}&status=FAILED`)
    return body.items[0]?.lastError === 'its account was deleted'
  })
  expect(await shop.findOrderEmails(order.id)).toHaveLength(1)
})
