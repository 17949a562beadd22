import { readFileSync } from 'node:fs'
import { checkLimits, operationCosts } from '@halles/graphql-server/operation-limits'
import type { FastifyInstance } from 'fastify'
import { getIntrospectionQuery, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../../test/fake-services.ts'
import { costFactors, operationLimits } from './operation-limits.ts'
import { loadPersistedOperations, toDocumentId } from './persisted-operations.ts'
import { createSupergraph } from './supergraph.ts'

let fakeServices: FakeServices
let gateway: FastifyInstance
let address: string
beforeAll(async () => {
  fakeServices = await startFakeServices()
  gateway = await createTestGateway(fakeServices.urls)
  address = await gateway.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await gateway.close()
  await fakeServices.close()
})

const sendOperation = async (query: string, variables?: object) => {
  const response = await gateway.inject({ method: 'POST', url: '/graphql', payload: { query, variables } })
  return response.json() as { data?: unknown; errors?: { message: string; extensions: { code: string } }[] }
}

describe('operation limits', () => {
  const halfLimits = Object.fromEntries(
    Object.entries(operationLimits).map(([name, limit]) => [name, limit / 2]),
  ) as typeof operationLimits
  const sdl = readFileSync(new URL('../../supergraph.graphql', import.meta.url), 'utf8')

  it.each(loadPersistedOperations().texts.map((text) => [/\w+ \w+/.exec(text)![0], text] as const))(
    'allow %s with at most half of each limit, and with the largest page',
    async (_name, text) => {
      const document = parse(text, { maxTokens: halfLimits.tokens })
      expect(checkLimits(document, halfLimits)).toBeUndefined()
      const { schema, close } = await createSupergraph(sdl, {} as never, () => {})
      for (const calculateCost of operationCosts(schema, document, costFactors).values()) {
        expect(calculateCost({})).toBeLessThanOrEqual(halfLimits.cost)
        expect(calculateCost({ first: 100 })).toBeLessThanOrEqual(operationLimits.cost)
      }
      await close()
    },
  )

  it('allow the introspection query of tools with all its options', async () => {
    const allOptions = {
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
    }
    expect(await sendOperation(getIntrospectionQuery(allOptions))).toMatchObject({ data: { __schema: {} } })
  })

  it('allow the largest page of orders with everything that belongs to an order', async () => {
    const response =
      await sendOperation(`{ orders(first: 100) { nodes { number customer { name } statusHistory { status }
      items { name product { name } } notifications { subject } } } }`)
    expect(response.errors?.map(({ extensions }) => extensions.code) ?? []).not.toContain('QUERY_TOO_COMPLEX')
  })
})

const repeat = (count: number, create: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => create(n)).join(' ')

/** Text nested within itself `count` times. */
const nest = (count: number, open: string, close: string, inside = ''): string =>
  open.repeat(count) + inside + close.repeat(count)

describe('an operation beyond a limit', () => {
  it.each<[string, string, object | undefined, string | RegExp]>([
    [
      '20,000 nested lists',
      `{ orders(after: ${nest(20_000, '[', ']')}) { totalCount } }`,
      undefined,
      /tokens: 2000|nested too deeply/,
    ],
    [
      '20,000 nested objects',
      `{ orders(after: ${nest(20_000, '{a:', '}', '1')}) { totalCount } }`,
      undefined,
      'tokens: 2000',
    ],
    ['20,000 levels of fields', nest(20_000, '{a', '}'), undefined, 'tokens: 2000'],
    ['500 levels of fields', nest(500, '{a', '}'), undefined, 'levels of fields: 12'],
    ['5,000 aliases', `{ ${repeat(5000, (n) => `a${n}:__typename`)} }`, undefined, 'far too many root fields: 20'],
    ['600 aliases', `{ me { ${repeat(600, (n) => `a${n}:name`)} } }`, undefined, 'far too many aliases: 50'],
    ['60 aliases', `{ me { ${repeat(60, (n) => `a${n}:name`)} } }`, undefined, '60 aliases: 50'],
    [
      'a batch of logins in one mutation',
      `mutation { ${repeat(30, (n) => `m${n}: logout(refreshToken: "x")`)} }`,
      undefined,
      '30 root fields: 20',
    ],
    ['one field 1,500 times', `{ me { ${'name '.repeat(1500)} } }`, undefined, 'far too many fields: 500'],
    [
      'the same behind a fragment',
      `{ me { ...F } } fragment F on User { ${'name '.repeat(501)} }`,
      undefined,
      '502 fields: 500',
    ],
    [
      'fragments that double what they spread',
      `{ me { ...F0 } } ${repeat(100, (n) => `fragment F${n} on User { name ...F${n + 1} ...F${n + 1} }`)} fragment F100 on User { id }`,
      undefined,
      'far too many fields: 500',
    ],
    [
      'levels hidden in fragments',
      `{ me { ...F0 } } ${repeat(20, (n) => `fragment F${n} on User { orders { nodes { customer { ...F${n + 1} } } } }`)} fragment F20 on User { id }`,
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
      `{ __schema { types { ${nest(15, 'fields { type { ', '} }', 'name ')} } } }`,
      undefined,
      'levels of introspection: 20',
    ],
  ])('is refused with the name of the limit, before any fetch: %s', async (_what, query, variables, limit) => {
    fakeServices.requests.length = 0
    const before = process.cpuUsage()
    const { data, errors } = await sendOperation(query, variables)
    const { user, system } = process.cpuUsage(before)
    expect(data).toBeUndefined()
    expect(errors).toHaveLength(1)
    expect(errors![0]!.message).toMatch(limit)
    expect(errors![0]!.extensions).toEqual({ code: 'QUERY_TOO_COMPLEX' })
    expect(fakeServices.requests).toHaveLength(0)
    expect((user + system) / 1000).toBeLessThan(150)
  })

  it('is refused by the variables of each request: the same document is executed with a smaller page', async () => {
    const query = 'query ($n: Int!) { products(first: $n) { nodes { id } } }'
    expect((await sendOperation(query, { n: 10_000 })).errors![0]!.extensions.code).toBe('QUERY_TOO_COMPLEX')
    expect(await sendOperation(query, { n: 5 })).toMatchObject({
      data: { products: { nodes: [{ id: 'p1' }, { id: 'p2' }] } },
    })
  })

  it('is not reported for a cycle of fragments, which is GRAPHQL_VALIDATION_FAILED', async () => {
    const query = '{ me { ...A } } fragment A on User { name ...B } fragment B on User { id ...A }'
    expect((await sendOperation(query)).errors![0]!.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
  })

  it('does not delay others: the gateway answers them meanwhile', async () => {
    const attacks = [
      `{ orders(after: ${nest(40_000, '[', ']')}) { totalCount } }`,
      `{ me { ${repeat(490, (n) => `name ${n % 2 ? 'email' : 'id'}`)} } }`,
      `{ me { ...F0 } } ${repeat(150, (n) => `fragment F${n} on User { ...F${n + 1} ...F${n + 1} }`)} fragment F150 on User { id }`,
      `query (${repeat(400, (n) => `$v${n}: Int`)}) { __typename }`,
      `{ ${repeat(20, () => `__typename ${repeat(20, () => '@skip(if: false)')}`)} }`,
    ]
    let attacking = true
    const slowestResponse = (async () => {
      let longest = 0
      while (attacking) {
        const startedAt = performance.now()
        await (await fetch(`${address}/healthz`)).text()
        longest = Math.max(longest, performance.now() - startedAt)
      }
      return longest
    })()
    const before = process.cpuUsage()
    for (let round = 0; round < 5; round++)
      await Promise.all(attacks.map((attack, n) => sendOperation(`${attack} # ${round} ${n}`))) // a new document each time
    attacking = false
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000 / (5 * attacks.length)).toBeLessThan(250) // 20 ms on a developer's machine, seconds without limits
    expect(await slowestResponse).toBeLessThan(20_000) // wall-clock time, also on a busy machine
  })
})

describe('variables of an operation', () => {
  const placeOrder = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }'
  const sendRaw = async (payload: string) => {
    fakeServices.requests.length = 0
    const headers = { 'content-type': 'application/json' }
    return gateway.inject({ method: 'POST', url: '/graphql', headers, payload })
  }

  it.each([
    ['__proto__', `{"query":${JSON.stringify(placeOrder)},"variables":{"__proto__":{"input":{"items":[]}}}}`],
    [
      'constructor.prototype',
      `{"query":${JSON.stringify(placeOrder)},"variables":{"constructor":{"prototype":{"admin":true}}}}`,
    ],
    ['__proto__ beside the query', `{"query":"{ __typename }","__proto__":{"admin":true}}`],
    ['20,000 nested lists', `{"query":${JSON.stringify(placeOrder)},"variables":{"input":${nest(20_000, '[', ']')}}}`],
    [
      '15,000 nested objects',
      `{"query":${JSON.stringify(placeOrder)},"variables":{"input":${nest(15_000, '{"a":', '}', '1')}}}`,
    ],
    [
      'nested lists for text',
      `{"query":"query ($q: String) { products(filter: {q: $q}) { totalCount } }","variables":{"q":${nest(20_000, '[', ']')}}}`,
    ],
  ])('are VALIDATION_FAILED, and reach no service: %s', async (_what, body) => {
    const response = await sendRaw(body)
    expect(response.json().errors[0].extensions.code).toBe('VALIDATION_FAILED')
    expect(response.body.length).toBeLessThan(2000)
    expect(fakeServices.requests).toHaveLength(0)
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
  })

  it('are dropped when the operation does not declare them', async () => {
    const body = `{"query":"{ products { totalCount } }","variables":{"deep":${nest(20_000, '[', ']')}}}`
    const response = await sendRaw(body)
    expect(response.json()).toMatchObject({ data: { products: { totalCount: 2 } } })
  })
})

it('a persisted operation has the same limits as any other', async () => {
  const text = loadPersistedOperations().texts.find((operation) => operation.startsWith('query Catalogue'))!
  const payload = { documentId: toDocumentId(text), variables: { first: 100_000 } }
  const response = await gateway.inject({ method: 'POST', url: '/graphql', payload })
  expect(response.json().errors[0].extensions.code).toBe('QUERY_TOO_COMPLEX')
})
