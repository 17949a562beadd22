import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { startShop, type Shop as Started } from '@halles/dev-shop'
import { createCertificateAuthority } from '@halles/test-fixtures/certificates'
import { startSecuredKafka, startSecuredMongodb, type SecuredMongodb } from '@halles/test-fixtures/secured-servers'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createShopClient, type ShopClient, type ApiClient } from './shop-client.ts'

// A shop with NODE_ENV=production: MongoDB, Kafka, gRPC and the gateway authenticate each peer, with least privilege.

const createSecret = (): string => randomBytes(24).toString('base64url')
const secrets = {
  gateway: createSecret(),
  grpc: createSecret(),
  link: createSecret(),
  admin: { email: 'admin@halles.example', password: createSecret() },
}

let mongodb: SecuredMongodb
let kafka: Awaited<ReturnType<typeof startSecuredKafka>>
let started: Started
let shop: ShopClient
let admin: ApiClient
beforeAll(async () => {
  ;[mongodb, kafka] = await Promise.all([startSecuredMongodb(), startSecuredKafka()])
  const { credentials, listeners } = kafka
  const certificateAuthority = await createCertificateAuthority()
  const [product, order] = await Promise.all([
    certificateAuthority.sign('product-service'),
    certificateAuthority.sign('order-service'),
  ])
  const common = { NODE_ENV: 'production', GATEWAY_SECRET: secrets.gateway }
  const kafkaEnv = {
    KAFKA_BROKERS: listeners.both,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: credentials.username,
    KAFKA_SASL_PASSWORD: credentials.password,
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA: credentials.ca,
  }
  const toGrpcEnv = ({ cert, key, ca }: typeof product) => ({
    GRPC_SECRET: secrets.grpc,
    GRPC_TLS_CERT: cert,
    GRPC_TLS_KEY: key,
    GRPC_TLS_CA: ca,
  })
  const createDatabaseEnv = async (name: string) => ({ MONGODB_URL: (await mongodb.ownUser(name)).url })
  started = await startShop({
    existingServers: { mongodb: mongodb.servers.mongodb!, kafka: listeners.both },
    env: {
      gateway: { ...common, GRPC_SECRET: '' },
      auth: {
        ...common,
        ...kafkaEnv,
        ...(await createDatabaseEnv('auth')),
        ACCOUNT_LINK_SECRET: secrets.link,
        ADMIN_EMAIL: secrets.admin.email,
        ADMIN_PASSWORD: secrets.admin.password,
        DEMO_CUSTOMER_EMAIL: '',
        DEMO_CUSTOMER_PASSWORD: '',
      },
      product: { ...common, ...toGrpcEnv(product), ...(await createDatabaseEnv('product')), DEMO_CATALOGUE: 'false' },
      order: { ...common, ...kafkaEnv, ...toGrpcEnv(order), ...(await createDatabaseEnv('order')) },
      notification: {
        ...common,
        ...kafkaEnv,
        ...(await createDatabaseEnv('notification')),
        ACCOUNT_LINK_SECRET: secrets.link,
      },
    },
  })
  const { gateway, mailbox } = started.running
  shop = createShopClient({ gateway, mailbox, admin: secrets.admin })
  admin = await shop.signInAdmin()
})
afterAll(async () => {
  await started?.stop()
  await Promise.all([mongodb?.stop(), kafka?.stop()])
})

it('a shop with least privilege and authenticated connections places orders and sends their e-mails', async () => {
  const customer = await shop.createCustomer()
  const { id: productId } = await shop.createProduct(admin)
  const { status, body: order } = await customer.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })
  expect(status).toBe(201)
  await shop.waitForOrderEmails(1, order.id)
  expect((await admin.rest('PUT', `/orders/${order.id}/status`, { status: 'Confirmée' })).status).toBe(200)
  await shop.waitForOrderEmails(2, order.id)
  // An e-mail is in the mailbox a moment before its notification is SENT.
  const read = await eventually('both notifications are SENT', async () => {
    const { data, errors } = await customer.graphql(
      'query ($id: ID!) { order(id: $id) { status customer { name } items { product { name } } notifications { status } } }',
      { id: order.id },
    )
    expect(errors).toBeUndefined()
    return (
      data.order.notifications.every((notification: { status: string }) => notification.status === 'SENT') && data.order
    )
  })
  expect(read).toMatchObject({ status: 'CONFIRMEE', notifications: [{ status: 'SENT' }, { status: 'SENT' }] })
})

it('services answer anonymous requests only through the gateway, and nobody gets a schema or OpenAPI document', async () => {
  const { authorization } = await shop.createCustomer()
  const sendQuery = async (url: string, query: string, headers: Record<string, string>) => {
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    })
    return { status: answer.status, body: (await answer.json()) as any }
  }
  for (const [service, url] of Object.entries(started.running.services)) {
    const guessedSecret = { 'x-gateway-secret': 'guessed' }
    expect((await sendQuery(url, '{ __typename }', guessedSecret)).status).toBe(401)
    for (const path of ['/', '/openapi.json', '/products', '/login'])
      expect((await fetch(url + path, { headers: guessedSecret })).status).toBe(401)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    for (const query of ['{ __schema { types { name } } }', '{ _service { sdl } }'])
      expect((await sendQuery(url, query, { authorization })).body.errors[0].extensions.code).toBe(
        'GRAPHQL_VALIDATION_FAILED',
      )
    expect((await sendQuery(url, '{ __typename }', { authorization })).body).toEqual({ data: { __typename: 'Query' } })
    for (const path of ['', '/', '/openapi.json'])
      expect((await fetch(`${started.running.gateway}/docs/${service}${path}`)).status).toBe(404)
  }
  expect((await fetch(`${started.running.gateway}/openapi.json`)).status).toBe(404)
  expect((await shop.anonymous.graphql('{ products(first: 1) { totalCount } }')).errors).toBeUndefined()
})

it('the gateway serves /readyz and /metrics at OPERATOR_PORT only, and /healthz to everyone', async () => {
  const { gateway, gatewayOperator } = started.running
  await eventually('the gateway is ready', async () => (await fetch(`${gatewayOperator}/readyz`)).status === 200)
  expect(await (await fetch(`${gatewayOperator}/metrics`)).text()).toContain('http_request_duration_seconds')
  expect((await fetch(`${gateway}/healthz`)).status).toBe(200)
  for (const path of ['/readyz', '/metrics', '/api/readyz', '/api/metrics'])
    expect((await fetch(`${gateway}${path}`)).status).toBe(404)
})

it('logs contain no secrets, access tokens or personal data', async () => {
  const customer = await shop.createCustomer()
  await customer.rest('GET', '/me')
  await customer.rest('POST', '/login', { email: customer.email, password: 'guessed-by-someone' })
  const logs = readdirSync(started.logs)
    .map((file) => readFileSync(path.join(started.logs, file), 'utf8'))
    .join('\n')
  expect(logs).toContain('"route":"/login"')
  const { gateway, grpc, link, admin: adminAccount } = secrets
  const personalData = [
    customer.email,
    adminAccount.email,
    adminAccount.password,
    'guessed-by-someone',
    'Camille Martin',
  ]
  const tokens = [customer.authorization.slice('Bearer '.length), admin.authorization.slice('Bearer '.length)]
  const forbidden = [gateway, grpc, link, 'BEGIN PRIVATE KEY', ...personalData, ...tokens]
  expect(forbidden.filter((text) => logs.includes(text))).toEqual([])
})
