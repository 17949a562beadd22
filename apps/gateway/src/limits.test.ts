import { readFileSync } from 'node:fs'
import { beyondLimits, costsOf } from '@halles/service/document-limits'
import type { FastifyInstance } from 'fastify'
import { getIntrospectionQuery, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gatewayTo, smallShop, type Shop } from '../test/small-services.ts'
import { limits, prices } from './limits.ts'
import { documentIdOf, knownOperations } from './operations.ts'
import { supergraphOf } from './supergraph.ts'

let shop: Shop
let gateway: FastifyInstance
let address: string
beforeAll(async () => {
  shop = await smallShop()
  gateway = await gatewayTo(shop.urls)
  address = await gateway.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await gateway.close()
  await shop.close()
})

const asked = async (query: string, variables?: object) => {
  const answer = await gateway.inject({ method: 'POST', url: '/graphql', payload: { query, variables } })
  return answer.json() as { data?: unknown; errors?: { message: string; extensions: { code: string } }[] }
}

describe('our own operations', () => {
  const half = Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, limit / 2])) as typeof limits
  const sdl = readFileSync(new URL('../supergraph.graphql', import.meta.url), 'utf8')

  it.each(knownOperations().texts.map((text) => [/\w+ \w+/.exec(text)![0], text] as const))(
    '%s needs at most half of what is allowed, a full page too',
    async (_name, text) => {
      const document = parse(text, { maxTokens: half.tokens })
      expect(beyondLimits(document, half)).toBeUndefined()
      const { schema, close } = await supergraphOf(sdl, {} as never, () => {})
      for (const costOf of costsOf(schema, document, prices).values()) {
        expect(costOf({})).toBeLessThanOrEqual(half.cost)
        expect(costOf({ first: 100 })).toBeLessThanOrEqual(limits.cost)
      }
      await close()
    },
  )

  it('the introspection of tools, with everything it can ask for, is answered', async () => {
    const everything = {
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
    }
    expect(await asked(getIntrospectionQuery(everything))).toMatchObject({ data: { __schema: {} } })
  })

  it('may be the longest page that there is, with all that belongs to an order', async () => {
    const answer = await asked(`{ orders(first: 100) { nodes { number customer { name } statusHistory { status }
      items { name product { name } } notifications { subject } } } }`)
    expect(answer.errors?.map(({ extensions }) => extensions.code) ?? []).not.toContain('QUERY_TOO_COMPLEX')
  })
})

const times = (count: number, make: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => make(n)).join(' ')

/** What is nested within itself so many times. */
const nested = (count: number, open: string, close: string, inside = ''): string =>
  open.repeat(count) + inside + close.repeat(count)

describe('what asks for too much', () => {
  it.each<[string, string, object | undefined, string | RegExp]>([
    ['20,000 nested lists', `{ orders(after: ${nested(20_000, '[', ']')}) { totalCount } }`, undefined, 'tokens: 2000'],
    [
      '20,000 nested objects',
      `{ orders(after: ${nested(20_000, '{a:', '}', '1')}) { totalCount } }`,
      undefined,
      'tokens: 2000',
    ],
    ['20,000 levels of fields', nested(20_000, '{a', '}'), undefined, 'tokens: 2000'],
    ['500 levels of fields', nested(500, '{a', '}'), undefined, 'levels of fields: 12'],
    ['5,000 aliases', `{ ${times(5000, (n) => `a${n}:__typename`)} }`, undefined, 'tokens: 2000'],
    ['600 aliases', `{ me { ${times(600, (n) => `a${n}:name`)} } }`, undefined, '601 fields: 500'],
    ['60 aliases', `{ me { ${times(60, (n) => `a${n}:name`)} } }`, undefined, '60 aliases: 50'],
    [
      'a batch of logins in one mutation',
      `mutation { ${times(30, (n) => `m${n}: logout(refreshToken: "x")`)} }`,
      undefined,
      '30 root fields: 20',
    ],
    ['one field 1,500 times', `{ me { ${'name '.repeat(1500)} } }`, undefined, '1501 fields: 500'],
    [
      'the same behind a fragment',
      `{ me { ...F } } fragment F on User { ${'name '.repeat(501)} }`,
      undefined,
      '502 fields: 500',
    ],
    [
      'fragments that double what they spread',
      `{ me { ...F0 } } ${times(100, (n) => `fragment F${n} on User { name ...F${n + 1} ...F${n + 1} }`)} fragment F100 on User { id }`,
      undefined,
      'far too many fields: 500',
    ],
    [
      'levels hidden in fragments',
      `{ me { ...F0 } } ${times(20, (n) => `fragment F${n} on User { orders { nodes { customer { ...F${n + 1} } } } }`)} fragment F20 on User { id }`,
      undefined,
      'levels of fields: 12',
    ],
    [
      'pages of pages',
      '{ me { orders(first: 100) { nodes { customer { orders(first: 100) { nodes { id } } } } } } }',
      undefined,
      '10302 objects to fetch: 5000',
    ],
    [
      'pages of pages by variables',
      'query ($n: Int = 1) { me { orders(first: $n) { nodes { customer { orders(first: $n) { nodes { id } } } } } } }',
      { n: 90 },
      'objects to fetch: 5000',
    ],
    ['a page of a million', '{ products(first: 1000000) { nodes { id } } }', undefined, 'objects to fetch: 5000'],
    [
      'introspection in circles',
      `{ __schema { types { ${nested(15, 'fields { type { ', '} }', 'name ')} } } }`,
      undefined,
      'levels of introspection: 20',
    ],
  ])('%s: refused by the limit that it is beyond, before anything is asked', async (_what, query, variables, limit) => {
    shop.seen.length = 0
    const before = process.cpuUsage()
    const { data, errors } = await asked(query, variables)
    const { user, system } = process.cpuUsage(before)
    expect(data).toBeUndefined()
    expect(errors).toHaveLength(1)
    expect(errors![0]!.message).toMatch(limit)
    expect(errors![0]!.extensions).toEqual({ code: 'QUERY_TOO_COMPLEX' })
    expect(shop.seen).toHaveLength(0)
    expect((user + system) / 1000).toBeLessThan(150)
  })

  it('is what it is for each set of variables: a document that was refused once is answered with less', async () => {
    const query = 'query ($n: Int!) { products(first: $n) { nodes { id } } }'
    expect((await asked(query, { n: 10_000 })).errors![0]!.extensions.code).toBe('QUERY_TOO_COMPLEX')
    expect(await asked(query, { n: 5 })).toMatchObject({ data: { products: { nodes: [{ id: 'p1' }, { id: 'p2' }] } } })
  })

  it('is no cycle of fragments: that is no GraphQL', async () => {
    const query = '{ me { ...A } } fragment A on User { name ...B } fragment B on User { id ...A }'
    expect((await asked(query)).errors![0]!.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
  })

  it('costs others nothing: the gateway answers them meanwhile', async () => {
    const bombs = [
      `{ orders(after: ${nested(40_000, '[', ']')}) { totalCount } }`,
      `{ me { ${times(490, (n) => `name ${n % 2 ? 'email' : 'id'}`)} } }`,
      `{ me { ...F0 } } ${times(150, (n) => `fragment F${n} on User { ...F${n + 1} ...F${n + 1} }`)} fragment F150 on User { id }`,
      `query (${times(400, (n) => `$v${n}: Int`)}) { __typename }`,
      `{ ${times(20, () => `__typename ${times(20, () => '@skip(if: false)')}`)} }`,
    ]
    let attacking = true
    const slowest = (async () => {
      let longest = 0
      while (attacking) {
        const began = performance.now()
        await (await fetch(`${address}/healthz`)).text()
        longest = Math.max(longest, performance.now() - began)
      }
      return longest
    })()
    const before = process.cpuUsage()
    for (let round = 0; round < 5; round++) await Promise.all(bombs.map((bomb, n) => asked(`${bomb} # ${round} ${n}`))) // each time another document
    attacking = false
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000 / (5 * bombs.length)).toBeLessThan(250) // 20 on our machine, and seconds where nothing is limited
    expect(await slowest).toBeLessThan(20_000) // of the clock of a machine that does much else
  })
})

describe('variables', () => {
  const place = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }'
  const raw = async (payload: string) => {
    shop.seen.length = 0
    const headers = { 'content-type': 'application/json' }
    return gateway.inject({ method: 'POST', url: '/graphql', headers, payload })
  }

  it.each([
    ['__proto__', `{"query":${JSON.stringify(place)},"variables":{"__proto__":{"input":{"items":[]}}}}`],
    [
      'constructor.prototype',
      `{"query":${JSON.stringify(place)},"variables":{"constructor":{"prototype":{"admin":true}}}}`,
    ],
    ['__proto__ beside the query', `{"query":"{ __typename }","__proto__":{"admin":true}}`],
    ['20,000 nested lists', `{"query":${JSON.stringify(place)},"variables":{"input":${nested(20_000, '[', ']')}}}`],
    [
      '15,000 nested objects',
      `{"query":${JSON.stringify(place)},"variables":{"input":${nested(15_000, '{"a":', '}', '1')}}}`,
    ],
    [
      'nested lists for text',
      `{"query":"query ($q: String) { products(filter: {q: $q}) { totalCount } }","variables":{"q":${nested(20_000, '[', ']')}}}`,
    ],
  ])('with %s are VALIDATION_FAILED, and go no further', async (_what, body) => {
    const answer = await raw(body)
    expect(answer.json().errors[0].extensions.code).toBe('VALIDATION_FAILED')
    expect(answer.body.length).toBeLessThan(2000)
    expect(shop.seen).toHaveLength(0)
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
  })

  it('that no operation takes are no help: they are not passed on', async () => {
    const body = `{"query":"{ products { totalCount } }","variables":{"deep":${nested(20_000, '[', ']')}}}`
    const answer = await raw(body)
    expect(answer.json()).toMatchObject({ data: { products: { totalCount: 2 } } })
  })
})

it('an operation by its id is measured by its text, like any other', async () => {
  const text = knownOperations().texts.find((operation) => operation.startsWith('query Catalogue'))!
  const payload = { documentId: documentIdOf(text), variables: { first: 100_000 } }
  const answer = await gateway.inject({ method: 'POST', url: '/graphql', payload })
  expect(answer.json().errors[0].extensions.code).toBe('QUERY_TOO_COMPLEX')
})
