import { randomUUID } from 'node:crypto'
import { openMongo } from '@halles/service/mongo'
import { eventually } from '@halles/testkit/wait'
import { beforeAll, expect, inject, it, onTestFinished } from 'vitest'
import { shopAt, type Letter, type Visitor } from './kit.ts'

const shop = shopAt(inject('shop'))
const { nobody } = shop
let admin: Visitor
beforeAll(async () => {
  admin = await shop.admin()
})

/** The one letter to an address that has this subject, once it is there. */
const letterTo = (email: string, subject: string): Promise<Letter> =>
  eventually(`« ${subject} »`, async () => {
    const found = (await shop.lettersTo(email)).filter((letter) => letter.subject === subject)
    if (found.length > 1) throw new Error(`${found.length} letters « ${subject} »`)
    return found[0]
  })

/** The token that the link in a letter carries; text and HTML have the same. */
function tokenIn({ text, html }: Letter): string {
  const [link, token] = /https?:\/\/\S+#token=(\S+)/.exec(text) as unknown as [string, string]
  expect(html).toContain(`href="${link}"`)
  return decodeURIComponent(token)
}

it('who forgot their password gets a letter, and by its link a new one, once', async () => {
  const [email, stranger] = [`${randomUUID()}@example.test`, `${randomUUID()}@example.test`]
  const [password, newPassword] = [randomUUID(), randomUUID()]
  const { body: session } = await nobody.rest('POST', '/register', { name: 'Camille Martin', email, password })
  const asBefore = { authorization: `Bearer ${session.accessToken}` }

  const verification = tokenIn(await letterTo(email, 'Confirmez votre adresse e-mail'))
  expect((await nobody.rest('GET', '/me', undefined, asBefore)).body).toMatchObject({ emailVerified: false })
  expect(await nobody.rest('POST', '/email/verify', { token: verification })).toMatchObject({ status: 204 })
  expect((await nobody.rest('GET', '/me', undefined, asBefore)).body).toMatchObject({ emailVerified: true })

  const [toStranger, toOwner] = await Promise.all(
    [stranger, email].map((email) => nobody.rest('POST', '/password/forgotten', { email })),
  )
  expect({ status: toStranger!.status, body: toStranger!.body }).toEqual({ status: 202, body: toOwner!.body })
  const token = tokenIn(await letterTo(email, 'Choisissez un nouveau mot de passe'))

  expect(await nobody.rest('POST', '/password/reset', { token, newPassword })).toMatchObject({ status: 204 })
  const again = await nobody.rest('POST', '/password/reset', { token, newPassword: randomUUID() })
  expect(again.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/token' }] })
  const login = (password: string) => nobody.rest('POST', '/login', { email, password })
  expect((await login(password)).body).toMatchObject({ code: 'INVALID_CREDENTIALS' })
  expect(await login(newPassword)).toMatchObject({ status: 200 })
  const refreshed = await nobody.rest('POST', '/refresh', { refreshToken: session.refreshToken })
  expect(refreshed.body).toMatchObject({ code: 'UNAUTHENTICATED' })
  await eventually('the session has ended at other services too', async () => {
    const { status } = await nobody.rest('GET', '/orders', undefined, asBefore)
    return status === 401
  })

  const told = await letterTo(email, 'Votre mot de passe a été changé')
  expect(told.headers).not.toHaveProperty('x-order-id')
  // Asked for before everything that has been answered since.
  expect(await shop.lettersTo(stranger)).toEqual([])
  const owner = (await login(newPassword)).body
  const { body } = await nobody.rest('GET', '/notifications', undefined, {
    authorization: `Bearer ${owner.accessToken}`,
  })
  expect(body.items).toMatchObject(Array.from({ length: 3 }, () => ({ orderId: null, recipient: email })))
})

it('who takes another address signs in and gets letters there, and the one before is told', async () => {
  const [before, after] = [`${randomUUID()}@example.test`, `${randomUUID()}@example.test`]
  const password = randomUUID()
  const person = { name: 'Zoé <b>Martin</b>', email: before, password, locale: 'en' }
  const { body: session } = await nobody.rest('POST', '/register', person)
  let own = { authorization: `Bearer ${session.accessToken}` }
  const product = await shop.product(admin)
  const items = [{ productId: product.id, quantity: 1 }]
  const { body: first } = await nobody.rest('POST', '/orders', { items }, own)

  expect(await nobody.rest('PUT', '/me/email', { email: after, password }, own)).toMatchObject({ status: 202 })
  const letter = await letterTo(after, 'Confirm your new e-mail address')
  expect(letter.html).toContain('Zoé &lt;b&gt;Martin&lt;/b&gt;')
  expect(await nobody.rest('POST', '/email/change', { token: tokenIn(letter) })).toMatchObject({ status: 204 })
  const told = await letterTo(before, 'Your e-mail address has been changed')
  expect(told.text + told.html).not.toContain(after)

  await eventually('the token that tells the old address is no good at other services', async () => {
    const { status } = await nobody.rest('GET', '/notifications', undefined, own)
    return status === 401
  })
  const { body: next } = await nobody.rest('POST', '/refresh', { refreshToken: session.refreshToken })
  expect(next.user).toMatchObject({ email: after, emailVerified: true })
  own = { authorization: `Bearer ${next.accessToken}` }
  expect(await nobody.rest('POST', '/login', { email: after, password })).toMatchObject({ status: 200 })

  const { body: second } = await nobody.rest('POST', '/orders', { items }, own)
  const recipients = async (id: string, count: number) =>
    (await shop.lettersOnce(count, id)).map(({ to }) => to[0]!.address)
  expect(await recipients(second.id, 1)).toEqual([after])
  // The order that was placed before goes on as it was placed.
  await admin.rest('PUT', `/orders/${first.id}/status`, { status: 'Confirmée' })
  expect(await recipients(first.id, 2)).toEqual([before, before])
})

it('who deletes their account is forgotten everywhere, and their orders stay', async () => {
  const [email, password] = [`${randomUUID()}@example.test`, randomUUID()]
  const { body: session } = await nobody.rest('POST', '/register', { name: 'Camille Martin', email, password })
  const { id } = session.user
  const own = { authorization: `Bearer ${session.accessToken}` }
  const product = await shop.product(admin)
  const items = [{ productId: product.id, quantity: 2 }]
  const { body: order } = await nobody.rest('POST', '/orders', { items }, own)
  await shop.lettersOnce(1, order.id)
  const { body: data } = await nobody.rest('GET', '/me/data', undefined, own)
  expect(data).toMatchObject({ user: { id, email }, sessions: [{ current: true }] })

  expect((await nobody.rest('DELETE', '/me', { password: 'another' }, own)).body.code).toBe('INVALID_CREDENTIALS')
  expect(await nobody.rest('DELETE', '/me', { password }, own)).toMatchObject({ status: 204 })
  await eventually('their token is no good at other services', async () => {
    const { status } = await nobody.rest('GET', '/orders', undefined, own)
    return status === 401
  })
  expect((await nobody.rest('POST', '/login', { email, password })).body.code).toBe('INVALID_CREDENTIALS')

  await eventually('their letters are forgotten', async () => {
    const { body } = await admin.rest('GET', `/notifications?orderId=${order.id}`)
    return body.items.length === 1 && body.items[0].recipient === ''
  })
  const query = 'query ($id: ID!) { order(id: $id) { total items { quantity } customer { id name email } } }'
  const { data: seen } = await admin.graphql(query, { id: order.id })
  expect(seen.order).toEqual({ total: order.total, items: [{ quantity: 2 }], customer: { id, name: '', email: '' } })
  const orders = new URL(inject('mongodb'))
  orders.pathname = '/halles_order'
  const { db, close } = await openMongo(orders.href, 'e2e')
  onTestFinished(close)
  await eventually('order-service has forgotten them too', () =>
    db.collection<{ _id: string }>('orders').findOne({ _id: order.id, 'customer.email': '' }),
  )
  // What an admin does with the order next tells no one.
  await admin.rest('PUT', `/orders/${order.id}/status`, { status: 'Confirmée' })
  await eventually('the next letter is given up', async () => {
    const { body } = await admin.rest('GET', `/notifications?orderId=${order.id}&status=FAILED`)
    return body.items[0]?.lastError === 'its account was deleted'
  })
  expect(await shop.letters(order.id)).toHaveLength(1)
})
