import { as, someone, testKeyOf } from '@halles/testkit/people'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveSubgraph, serviceApp, type App } from './app.ts'
import { subgraph } from './graphql.ts'
import { signedIn } from './person.ts'
import { Refusal } from './refusal.ts'
import { Closed, Nullable, Price, Text } from './schema.ts'

const Wish = Closed({ name: Text(20), price: Price, count: Type.Integer({ minimum: 1, maximum: 999 }) })

let app: App
beforeAll(async () => {
  app = await serviceApp({
    name: 'test-service',
    logLevel: 'silent',
    keyOf: testKeyOf,
    issuer: 'halles',
    audience: 'halles',
    needs: { up: async () => {}, down: () => Promise.reject(new Error('no')), stuck: () => new Promise(() => {}) },
  })
  app.post('/wishes', { schema: { body: Wish } }, async (request) => request.body)
  app.post('/wishes/last', { schema: { body: Nullable(Wish) } }, async (request) => ({ given: request.body !== null }))
  app.get('/things/:id', async (request) => request.params)
  app.get('/mine', async (request) => ({ id: signedIn(request.person).id }))
  app.get('/kept', async (_request, reply) => reply.header('cache-control', 'no-cache').send({}))
  app.get('/bug', async () => {
    throw new TypeError('secret detail')
  })
  app.get('/late', async () => {
    throw new Refusal('UNAVAILABLE', 'Not now.')
  })
  serveSubgraph(
    app,
    subgraph({
      sdl: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
        type Thing @key(fields: "id") { id: ID! at: DateTime! }
        scalar DateTime
        type Query { thing(id: ID!): Thing  mine: ID!  bug: Int  count(n: Int!): Int! }`,
      resolvers: {
        Query: {
          thing: (_: unknown, { id }: { id: string }) => ({ id, at: new Date(0) }),
          mine: (_: unknown, __: unknown, { person }: { person: undefined }) => signedIn(person).id,
          bug: () => {
            throw new TypeError('secret detail')
          },
          count: (_: unknown, { n }: { n: number }) => n,
        },
      },
      references: {
        Thing: async (keys) =>
          keys.map(({ id }) =>
            id === 'gone'
              ? null
              : id === 'mine'
                ? new Refusal('NOT_FOUND', 'No such thing.')
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
    url: '/wishes',
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })

const graphql = async (query: string, variables?: object, headers: Record<string, string> = {}) =>
  (await app.inject({ method: 'POST', url: '/graphql', headers, payload: { query, variables } })).json()

it('what is told to one person, and at /graphql, is kept by no cache unless its route says better', async () => {
  const cached = async (url: string, headers = {}) => (await app.inject({ url, headers })).headers['cache-control']
  const mine = await as(someone())
  expect(await cached('/mine', mine)).toBe('no-store')
  expect(await cached('/nowhere', mine)).toBe('no-store')
  expect(await cached('/graphql?query={__typename}')).toBe('no-store')
  expect(await cached('/kept', mine)).toBe('no-cache')
  expect(await cached('/things/1')).toBeUndefined()
})

describe('what comes in', () => {
  const good = { name: 'Chaise', price: 19.99, count: 2 }

  it('takes what fits', async () => {
    expect((await post(good)).json()).toEqual(good)
  })

  it('normalises text, so that a word is equal however it was typed', async () => {
    expect((await post({ ...good, name: 'Rec\u0327ue' })).json().name).toBe('Re\u00e7ue')
  })

  it.each([
    ['an unknown field', { ...good, extra: 1 }, '/extra'],
    ['a missing field', { name: 'a', price: 1 }, '/count'],
    ['a number as text', { ...good, count: '2' }, '/count'],
    ['a fraction', { ...good, count: 1.5 }, '/count'],
    ['three decimals', { ...good, price: 1.005 }, '/price'],
    ['a negative price', { ...good, price: -1 }, '/price'],
    ['blank text', { ...good, name: '  ' }, '/name'],
    ['a list', [], ''],
  ])('refuses %s, and says where', async (_what, body, path) => {
    const answer = await post(body)
    expect(answer.statusCode).toBe(400)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.json()).toMatchObject({ code: 'VALIDATION_FAILED', status: 400 })
    expect(answer.json().errors.map((fault: { path: string }) => fault.path)).toContain(path)
  })

  it.each([
    ['broken JSON', '{"name":', {}, 400, 'VALIDATION_FAILED'],
    ['a prototype key', '{"__proto__":{"admin":true}}', {}, 400, 'VALIDATION_FAILED'],
    ['no body', '', {}, 400, 'VALIDATION_FAILED'],
    ['deep nesting', `{"name":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, {}, 400, 'VALIDATION_FAILED'],
    ['XML', '<a/>', { 'content-type': 'text/xml' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['too much', JSON.stringify('x'.repeat(1_100_000)), {}, 413, 'PAYLOAD_TOO_LARGE'],
  ])('refuses %s', async (_what, body, headers, status, code) => {
    const answer = await post(body, headers)
    expect(answer.json()).toMatchObject({ status, code })
    expect(answer.statusCode).toBe(status)
  })
})

it('a body may be left out where it may be null', async () => {
  const url = '/wishes/last'
  expect((await app.inject({ method: 'POST', url })).json()).toEqual({ given: false })
  expect((await app.inject({ method: 'POST', url, payload: {} })).json()).toMatchObject({ code: 'VALIDATION_FAILED' })
})

describe('who asks', () => {
  it('is told by the token', async () => {
    const person = someone()
    const answer = await app.inject({ url: '/mine', headers: await as(person) })
    expect(answer.json()).toEqual({ id: person.id })
  })

  it('may be no one, where no one is enough', async () => {
    expect((await app.inject('/mine')).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect((await app.inject('/healthz')).statusCode).toBe(200)
  })

  it.each([
    ['expired', { expiresAt: Date.now() - 1000 }],
    ['of another issuer', { issuer: 'elsewhere' }],
    ['another kind of JWT', { typ: 'JWT' }],
    ['for another audience', { audience: 'elsewhere' }],
    ['of an unknown key', { kid: 'other' }],
  ])('is refused with a token that is %s, on public routes too', async (_what, options) => {
    const headers = await as(someone(), options)
    for (const url of ['/mine', '/healthz']) {
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
    ['not a token', () => 'Bearer nonsense'],
    ['of another scheme', () => 'Basic YTpi'],
    ['empty', () => 'Bearer '],
  ])('is refused with a token that is %s', async (_what, spoil) => {
    const { authorization } = await as(someone())
    const answer = await app.inject({ url: '/mine', headers: { authorization: spoil(authorization) } })
    expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 })
  })
})

it('a token of ours that says something else is none', async () => {
  const answer = await app.inject({ url: '/mine', headers: await as(someone({ role: 'root' as never })) })
  expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
})

describe('what goes wrong', () => {
  it('is told without its cause, under a trace id', async () => {
    const answer = await app.inject({
      url: '/bug',
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    })
    expect(answer.json()).toMatchObject({ code: 'INTERNAL', status: 500, traceId: '0af7651916cd43dd8448eb211c80319c' })
    expect(answer.body).not.toContain('secret')
  })

  it('says when to come back', async () => {
    const answer = await app.inject('/late')
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('2')
  })

  it('is NOT_FOUND at an address without anything, VALIDATION_FAILED at one that cannot be read', async () => {
    expect((await app.inject('/nowhere')).json()).toMatchObject({ code: 'NOT_FOUND' })
    expect((await app.inject('/%E0%A4%A')).json()).toMatchObject({ code: 'VALIDATION_FAILED' })
    expect((await app.inject(`/things/${'x'.repeat(1000)}`)).json()).toMatchObject({ code: 'NOT_FOUND' })
  })

  it.each(['/wishes', '/graphql'])('is UNSUPPORTED_MEDIA_TYPE for what a form may send, at %s', async (url) => {
    const sent = {
      method: 'POST',
      url,
      headers: { 'content-type': 'text/plain' },
      body: '{"query":"{ mine }"}',
    } as const
    const answer = await app.inject(sent)
    expect(answer.statusCode).toBe(415)
    expect(answer.body).toContain('UNSUPPORTED_MEDIA_TYPE')
  })

  it('is named by /readyz', async () => {
    const answer = await app.inject('/readyz')
    expect(answer.statusCode).toBe(503)
    expect(answer.json().needs).toEqual({ up: 'ok', down: 'missing', stuck: 'missing' })
  })
})

describe('GraphQL', () => {
  it('answers', async () => {
    expect(await graphql('{ thing(id: "a") { id at } }')).toEqual({
      data: { thing: { id: 'a', at: '1970-01-01T00:00:00.000Z' } },
    })
  })

  it('fetches all keys of a type at once, each answered by itself', async () => {
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Thing { id } } }'
    const r = ['a', 'gone', 'mine', 'a'].map((id) => ({ __typename: 'Thing', id }))
    const { data, errors } = await graphql(query, { r })
    const thing = { __typename: 'Thing', id: 'a' }
    expect(data._entities).toEqual([thing, null, null, thing])
    expect(errors).toMatchObject([{ path: ['_entities', 2], extensions: { code: 'NOT_FOUND' } }])
  })

  it('takes no key for an operator', async () => {
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }'
    const { errors } = await graphql(query, { r: [{ __typename: 'Thing', id: { $ne: null } }] })
    expect(errors[0].extensions.code).toBe('VALIDATION_FAILED')
  })

  it.each(['Stranger', 'constructor', '__proto__', 'hasOwnProperty', ['Thing'], undefined])(
    'knows no entity of the kind %j',
    async (kind) => {
      const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }'
      const { errors } = await graphql(query, { r: [{ __typename: kind, id: 'a' }] })
      expect(errors[0].extensions.code).toBe('VALIDATION_FAILED')
    },
  )

  it.each([
    ['{ thing(', undefined, 'GRAPHQL_PARSE_FAILED'],
    ['{ nothing }', undefined, 'GRAPHQL_VALIDATION_FAILED'],
    ['query ($n: Int!) { count(n: $n) }', { n: 'x' }, 'VALIDATION_FAILED'],
    ['query ($n: Int!) { count(n: $n) }', {}, 'VALIDATION_FAILED'],
    ['{ mine }', undefined, 'UNAUTHENTICATED'],
    ['{ bug }', undefined, 'INTERNAL'],
  ])('tells %s %j by its code', async (query, variables, code) => {
    const answer = await graphql(query, variables)
    expect(answer.errors[0].extensions.code).toBe(code)
    expect(JSON.stringify(answer)).not.toContain('secret')
  })
})

it('describes its routes by the schemas that validate', async () => {
  const document = (await app.inject('/openapi.json')).json()
  expect(document.openapi).toBe('3.1.0')
  expect(document.paths['/wishes'].post.requestBody.content['application/json'].schema.additionalProperties).toBe(false)
  expect(document.paths['/wishes'].post.requestBody.required).toBe(true)
  expect(document.paths['/wishes/last'].post.requestBody.required).toBe(false)
  const page = await app.inject('/docs/')
  expect(page.body).toContain('swagger-ui')
})

it('counts its requests', async () => {
  expect((await app.inject('/metrics')).body).toContain('http_request_duration_seconds_count{')
})
