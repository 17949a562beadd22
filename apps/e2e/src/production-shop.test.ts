import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { startShop, type Shop as Started } from '@halles/servers/shop'
import { authority } from '@halles/testkit/certificates'
import { startGuardedKafka, startGuardedMongodb, type GuardedMongodb } from '@halles/testkit/guard'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { shopAt, type Shop, type Visitor } from './kit.ts'

// A shop as in production: every part asks who comes, and each service may do no more than it must.

const newSecret = (): string => randomBytes(24).toString('base64url')
const secrets = {
  gateway: newSecret(),
  grpc: newSecret(),
  link: newSecret(),
  admin: { email: 'admin@halles.example', password: newSecret() },
}

let mongodb: GuardedMongodb
let kafka: Awaited<ReturnType<typeof startGuardedKafka>>
let started: Started
let shop: Shop
let admin: Visitor
beforeAll(async () => {
  ;[mongodb, kafka] = await Promise.all([startGuardedMongodb(), startGuardedKafka()])
  const { guard, doors } = kafka
  const peers = await authority()
  const [product, order] = await Promise.all([peers.sign('product-service'), peers.sign('order-service')])
  const common = { NODE_ENV: 'production', GATEWAY_SECRET: secrets.gateway }
  const events = {
    KAFKA_BROKERS: doors.both,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: guard.username,
    KAFKA_SASL_PASSWORD: guard.password,
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA: guard.ca,
  }
  const grpc = ({ cert, key, ca }: typeof product) => ({
    GRPC_SECRET: secrets.grpc,
    GRPC_TLS_CERT: cert,
    GRPC_TLS_KEY: key,
    GRPC_TLS_CA: ca,
  })
  const database = async (name: string) => ({ MONGODB_URL: (await mongodb.ownUser(name)).url })
  started = await startShop({
    given: { mongodb: mongodb.servers.mongodb!, kafka: doors.both },
    env: {
      gateway: { ...common, GRPC_SECRET: '' },
      auth: {
        ...common,
        ...events,
        ...(await database('auth')),
        ACCOUNT_LINK_SECRET: secrets.link,
        ADMIN_EMAIL: secrets.admin.email,
        ADMIN_PASSWORD: secrets.admin.password,
        DEMO_CUSTOMER_EMAIL: '',
        DEMO_CUSTOMER_PASSWORD: '',
      },
      product: { ...common, ...grpc(product), ...(await database('product')), DEMO_CATALOGUE: 'false' },
      order: { ...common, ...events, ...grpc(order), ...(await database('order')) },
      notification: { ...common, ...events, ...(await database('notification')), ACCOUNT_LINK_SECRET: secrets.link },
    },
  })
  const { gateway, mailbox } = started.running
  shop = shopAt({ gateway, mailbox, admin: secrets.admin })
  admin = await shop.admin()
})
afterAll(async () => {
  await started?.stop()
  await Promise.all([mongodb?.stop(), kafka?.stop()])
})

it('sells, tells and writes its letters, with least rights and every connection proven', async () => {
  const camille = await shop.customer()
  const { id: productId } = await shop.product(admin)
  const { status, body: order } = await camille.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })
  expect(status).toBe(201)
  await shop.lettersOnce(1, order.id)
  expect((await admin.rest('PUT', `/orders/${order.id}/status`, { status: 'Confirmée' })).status).toBe(200)
  await shop.lettersOnce(2, order.id)
  // A letter is in the mailbox a moment before it is marked as sent.
  const seen = await eventually('both letters are marked as sent', async () => {
    const { data, errors } = await camille.graphql(
      'query ($id: ID!) { order(id: $id) { status customer { name } items { product { name } } notifications { status } } }',
      { id: order.id },
    )
    expect(errors).toBeUndefined()
    return data.order.notifications.every((letter: { status: string }) => letter.status === 'SENT') && data.order
  })
  expect(seen).toMatchObject({ status: 'CONFIRMEE', notifications: [{ status: 'SENT' }, { status: 'SENT' }] })
})

it('answers no one who comes past the gateway without signing in, and tells no one its schema', async () => {
  const { authorization } = await shop.customer()
  const graphql = async (url: string, query: string, headers: Record<string, string>) => {
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    })
    return { status: answer.status, body: (await answer.json()) as any }
  }
  for (const [service, url] of Object.entries(started.running.services)) {
    const guess = { 'x-gateway-secret': 'guessed' }
    expect((await graphql(url, '{ __typename }', guess)).status).toBe(401)
    for (const path of ['/', '/openapi.json', '/products', '/login'])
      expect((await fetch(url + path, { headers: guess })).status).toBe(401)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    for (const query of ['{ __schema { types { name } } }', '{ _service { sdl } }'])
      expect((await graphql(url, query, { authorization })).body.errors[0].extensions.code).toBe(
        'GRAPHQL_VALIDATION_FAILED',
      )
    expect((await graphql(url, '{ __typename }', { authorization })).body).toEqual({ data: { __typename: 'Query' } })
    expect((await fetch(`${started.running.gateway}/docs/${service}/openapi.json`)).status).toBe(200)
  }
  expect((await fetch(`${started.running.gateway}/openapi.json`)).status).toBe(200)
  expect((await shop.nobody.graphql('{ products(first: 1) { totalCount } }')).errors).toBeUndefined()
})

it('shows operators how it is, and the public that it is alive', async () => {
  const { gateway, gatewayOperator } = started.running
  await eventually('it is ready', async () => (await fetch(`${gatewayOperator}/readyz`)).status === 200)
  expect(await (await fetch(`${gatewayOperator}/metrics`)).text()).toContain('http_request_duration_seconds')
  expect((await fetch(`${gateway}/healthz`)).status).toBe(200)
  for (const at of ['/readyz', '/metrics', '/api/readyz', '/api/metrics'])
    expect((await fetch(`${gateway}${at}`)).status).toBe(404)
})

it('has none of its secrets in its logs, and of people neither address nor token', async () => {
  const camille = await shop.customer()
  await camille.rest('GET', '/me')
  await camille.rest('POST', '/login', { email: camille.email, password: 'guessed-by-someone' })
  const logs = readdirSync(started.logs)
    .map((file) => readFileSync(path.join(started.logs, file), 'utf8'))
    .join('\n')
  expect(logs).toContain('"route":"/login"')
  const { gateway, grpc, link, admin: boss } = secrets
  const people = [camille.email, boss.email, boss.password, 'guessed-by-someone', 'Camille Martin']
  const tokens = [camille.authorization.slice('Bearer '.length), admin.authorization.slice('Bearer '.length)]
  const secret = [gateway, grpc, link, 'BEGIN PRIVATE KEY', ...people, ...tokens]
  expect(secret.filter((text) => logs.includes(text))).toEqual([])
})
