import { authorizationHeader, createPrincipal, findTestPublicKey } from '@halles/test-fixtures/principals'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createServiceApp, type App } from '@halles/fastify-service/app'
import { createSubgraphSchema } from './subgraph-schema.ts'
import { serveSubgraph } from './serve-subgraph.ts'
import { requirePrincipal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { ClosedObject, Nullable, Price, Text } from '@halles/validation/schema'

const ItemInput = ClosedObject({ name: Text(20), price: Price, count: Type.Integer({ minimum: 1, maximum: 999 }) })

let app: App
beforeAll(async () => {
  app = await createServiceApp({
    name: 'test-service',
    logLevel: 'silent',
    findPublicKey: findTestPublicKey,
    issuer: 'halles',
    audience: 'halles',
    readinessChecks: {
      up: async () => {},
      down: () => Promise.reject(new Error('no')),
      stuck: () => new Promise(() => {}),
    },
  })
  app.post('/items', { schema: { body: ItemInput } }, async (request) => request.body)
  app.post('/items/optional', { schema: { body: Nullable(ItemInput) } }, async (request) => ({
    given: request.body !== null,
  }))
  app.get('/echo/:id', async (request) => request.params)
  app.get('/me', async (request) => ({ id: requirePrincipal(request.principal).id }))
  app.get('/cacheable', async (_request, reply) => reply.header('cache-control', 'no-cache').send({}))
  app.get('/bug', async () => {
    throw new TypeError('secret detail')
  })
  app.get('/unavailable', async () => {
    throw new AppError('UNAVAILABLE', 'Not now.')
  })
  serveSubgraph(
    app,
    createSubgraphSchema({
      sdl: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
        type Item @key(fields: "id") { id: ID! at: DateTime! }
        scalar DateTime
        type Query { item(id: ID!): Item  me: ID!  bug: Int  count(n: Int!): Int! }`,
      resolvers: {
        Query: {
          item: (_: unknown, { id }: { id: string }) => ({ id, at: new Date(0) }),
          me: (_: unknown, __: unknown, { principal }: { principal: undefined }) => requirePrincipal(principal).id,
          bug: () => {
            throw new TypeError('secret detail')
          },
          count: (_: unknown, { n }: { n: number }) => n,
        },
      },
      references: {
        Item: async (keys) =>
          keys.map(({ id }) =>
            id === 'gone'
              ? null
              : id === 'failing'
                ? new AppError('NOT_FOUND', 'No such item.')
                : Object.freeze({ id, at: new Date(0) }),
          ),
      },
    }),
  )
  await app.ready()
})
afterAll(() => app.close())

const post = (payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url: '/items',
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })

const graphql = async (query: string, variables?: object, headers: Record<string, string> = {}) =>
  (await app.inject({ method: 'POST', url: '/graphql', headers, payload: { query, variables } })).json()

it('responses to signed-in users and of /graphql are no-store, unless the route sets cache-control', async () => {
  const cacheControl = async (url: string, headers = {}) =>
    (await app.inject({ url, headers })).headers['cache-control']
  const headers = await authorizationHeader(createPrincipal())
  expect(await cacheControl('/me', headers)).toBe('no-store')
  expect(await cacheControl('/nowhere', headers)).toBe('no-store')
  expect(await cacheControl('/graphql?query={__typename}')).toBe('no-store')
  expect(await cacheControl('/cacheable', headers)).toBe('no-cache')
  expect(await cacheControl('/echo/1')).toBeUndefined()
})

describe('request validation', () => {
  const valid = { name: 'Chaise', price: 19.99, count: 2 }

  it('accepts a valid body', async () => {
    expect((await post(valid)).json()).toEqual(valid)
  })

  it('normalizes text to NFC, so that equal words compare equal', async () => {
    expect((await post({ ...valid, name: 'Rec\u0327ue' })).json().name).toBe('Re\u00e7ue')
  })

  it.each([
    ['an unknown field', { ...valid, extra: 1 }, '/extra'],
    ['a missing field', { name: 'a', price: 1 }, '/count'],
    ['a number as text', { ...valid, count: '2' }, '/count'],
    ['a fraction', { ...valid, count: 1.5 }, '/count'],
    ['three decimals', { ...valid, price: 1.005 }, '/price'],
    ['a negative price', { ...valid, price: -1 }, '/price'],
    ['blank text', { ...valid, name: '  ' }, '/name'],
    ['a list', [], ''],
  ])('rejects %s with a field error', async (_case, body, path) => {
    const answer = await post(body)
    expect(answer.statusCode).toBe(400)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.json()).toMatchObject({
      type: '/problems/validation-failed',
      code: 'VALIDATION_FAILED',
      status: 400,
    })
    expect(answer.json().errors.map((fieldError: { path: string }) => fieldError.path)).toContain(path)
  })

  it.each([
    ['broken JSON', '{"name":', {}, 400, 'VALIDATION_FAILED'],
    ['a prototype key', '{"__proto__":{"admin":true}}', {}, 400, 'VALIDATION_FAILED'],
    ['no body', '', {}, 400, 'VALIDATION_FAILED'],
    ['deep nesting', `{"name":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, {}, 400, 'VALIDATION_FAILED'],
    ['XML', '<a/>', { 'content-type': 'text/xml' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a body over the limit', JSON.stringify('x'.repeat(1_100_000)), {}, 413, 'PAYLOAD_TOO_LARGE'],
  ])('rejects %s', async (_case, body, headers, status, code) => {
    const answer = await post(body, headers)
    expect(answer.json()).toMatchObject({ status, code })
    expect(answer.statusCode).toBe(status)
  })
})

it('a nullable body is optional', async () => {
  const url = '/items/optional'
  expect((await app.inject({ method: 'POST', url })).json()).toEqual({ given: false })
  expect((await app.inject({ method: 'POST', url, payload: {} })).json()).toMatchObject({ code: 'VALIDATION_FAILED' })
})

describe('access tokens', () => {
  it('identify the principal of the request', async () => {
    const principal = createPrincipal()
    const answer = await app.inject({ url: '/me', headers: await authorizationHeader(principal) })
    expect(answer.json()).toEqual({ id: principal.id })
  })

  it('are optional on public routes and required by requirePrincipal', async () => {
    expect((await app.inject('/me')).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect((await app.inject('/healthz')).statusCode).toBe(200)
  })

  it.each([
    ['expired', { expiresAt: Date.now() - 1000 }],
    ['of another issuer', { issuer: 'elsewhere' }],
    ['of another JWT type', { typ: 'JWT' }],
    ['for another audience', { audience: 'elsewhere' }],
    ['signed with an unknown key', { kid: 'other' }],
  ])('are rejected when %s, on public routes too', async (_case, options) => {
    const headers = await authorizationHeader(createPrincipal(), options)
    for (const url of ['/me', '/healthz']) {
      const answer = await app.inject({ url, headers })
      expect(answer.statusCode).toBe(401)
      expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
    }
    const answer = await app.inject({ method: 'POST', url: '/graphql', headers, payload: { query: '{ __typename }' } })
    expect(answer.statusCode).toBe(401)
    expect(answer.json().errors[0].extensions.code).toBe('UNAUTHENTICATED')
  })

  it.each([
    ['tampered', (token: string) => `${token.slice(0, -4)}AAAA`],
    ['unsigned', (token: string) => `Bearer ${btoa('{"alg":"none","kid":"test-key"}')}.${token.split('.')[1]}.`],
    ['malformed', () => 'Bearer nonsense'],
    ['of another scheme', () => 'Basic YTpi'],
    ['empty', () => 'Bearer '],
  ])('are rejected when %s', async (_case, corrupt) => {
    const { authorization } = await authorizationHeader(createPrincipal())
    const answer = await app.inject({ url: '/me', headers: { authorization: corrupt(authorization) } })
    expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 })
  })
})

it('access tokens with invalid claims are rejected', async () => {
  const answer = await app.inject({
    url: '/me',
    headers: await authorizationHeader(createPrincipal({ role: 'root' as never })),
  })
  expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
})

describe('error responses', () => {
  it('hide the cause of INTERNAL errors and include the trace id', async () => {
    const answer = await app.inject({
      url: '/bug',
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    })
    expect(answer.json()).toMatchObject({ code: 'INTERNAL', status: 500, traceId: '0af7651916cd43dd8448eb211c80319c' })
    expect(answer.body).not.toContain('secret')
  })

  it('include retry-after for UNAVAILABLE', async () => {
    const answer = await app.inject('/unavailable')
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('2')
  })

  it('are NOT_FOUND for an unknown URL and VALIDATION_FAILED for one that cannot be decoded', async () => {
    expect((await app.inject('/nowhere')).json()).toMatchObject({ code: 'NOT_FOUND' })
    expect((await app.inject('/%E0%A4%A')).json()).toMatchObject({ code: 'VALIDATION_FAILED' })
    expect((await app.inject(`/echo/${'x'.repeat(1000)}`)).json()).toMatchObject({ code: 'NOT_FOUND' })
  })

  it.each(['/items', '/graphql'])(
    'are UNSUPPORTED_MEDIA_TYPE for a body that an HTML form can send, at %s',
    async (url) => {
      const request = {
        method: 'POST',
        url,
        headers: { 'content-type': 'text/plain' },
        body: '{"query":"{ me }"}',
      } as const
      const answer = await app.inject(request)
      expect(answer.statusCode).toBe(415)
      expect(answer.body).toContain('UNSUPPORTED_MEDIA_TYPE')
    },
  )

  it('of /readyz name the failed and the hanging checks', async () => {
    const answer = await app.inject('/readyz')
    expect(answer.statusCode).toBe(503)
    expect(answer.json().needs).toEqual({ up: 'ok', down: 'missing', stuck: 'missing' })
  })
})

describe('a subgraph at /graphql', () => {
  it('executes a query', async () => {
    expect(await graphql('{ item(id: "a") { id at } }')).toEqual({
      data: { item: { id: 'a', at: '1970-01-01T00:00:00.000Z' } },
    })
  })

  it('resolves all references to a type in one call, each with its own result', async () => {
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Item { id } } }'
    const r = ['a', 'gone', 'failing', 'a'].map((id) => ({ __typename: 'Item', id }))
    const { data, errors } = await graphql(query, { r })
    const item = { __typename: 'Item', id: 'a' }
    expect(data._entities).toEqual([item, null, null, item])
    expect(errors).toMatchObject([{ path: ['_entities', 2], extensions: { code: 'NOT_FOUND' } }])
  })

  it('rejects a MongoDB operator as the id of a representation', async () => {
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }'
    const { errors } = await graphql(query, { r: [{ __typename: 'Item', id: { $ne: null } }] })
    expect(errors[0].extensions.code).toBe('VALIDATION_FAILED')
  })

  it.each(['UnknownType', 'constructor', '__proto__', 'hasOwnProperty', ['Item'], undefined])(
    'rejects a representation of type %j',
    async (typename) => {
      const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }'
      const { errors } = await graphql(query, { r: [{ __typename: typename, id: 'a' }] })
      expect(errors[0].extensions.code).toBe('VALIDATION_FAILED')
    },
  )

  it.each([
    ['{ item(', undefined, 'GRAPHQL_PARSE_FAILED'],
    ['{ nothing }', undefined, 'GRAPHQL_VALIDATION_FAILED'],
    ['query ($n: Int!) { count(n: $n) }', { n: 'x' }, 'VALIDATION_FAILED'],
    ['query ($n: Int!) { count(n: $n) }', {}, 'VALIDATION_FAILED'],
    ['{ me }', undefined, 'UNAUTHENTICATED'],
    ['{ bug }', undefined, 'INTERNAL'],
  ])('answers %s with variables %j with an error code', async (query, variables, code) => {
    const answer = await graphql(query, variables)
    expect(answer.errors[0].extensions.code).toBe(code)
    expect(JSON.stringify(answer)).not.toContain('secret')
  })
})

it('the OpenAPI document is generated from the validation schemas', async () => {
  const document = (await app.inject('/openapi.json')).json()
  expect(document.openapi).toBe('3.1.0')
  expect(document.paths['/items'].post.requestBody.content['application/json'].schema.additionalProperties).toBe(false)
  expect(document.paths['/items'].post.requestBody.required).toBe(true)
  expect(document.paths['/items/optional'].post.requestBody.required).toBe(false)
  const page = await app.inject('/docs/')
  expect(page.body).toContain('swagger-ui')
})

it('/metrics contains the histogram of request durations', async () => {
  expect((await app.inject('/metrics')).body).toContain('http_request_duration_seconds_count{')
})
