import { attackGraphql, graphqlTargets, toVerdict, type Attack, type Target } from './attack.ts'
import { orConnectionClosed, sendGraphql, sendRest } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { createUser } from '../fixtures/users.ts'

const MANY = 20_000
const title = (name: string) => ({ category: 'graphql', name })

/** Documents beyond the complexity limits. None of them may be executed. */
const bombs: Record<string, { query: string; variables?: object }> = {
  '20,000 nested lists': { query: `{ __type(name: ${'['.repeat(MANY)}${']'.repeat(MANY)}) { name } }` },
  '20,000 nested objects': { query: `{ __type(name: ${'{a:'.repeat(MANY)}1${'}'.repeat(MANY)}) { name } }` },
  '20,000 nested fields': { query: '{a'.repeat(MANY) + '}'.repeat(MANY) },
  '20,000 nested list types': { query: `query ($a: ${'['.repeat(MANY)}Int${']'.repeat(MANY)}) { __typename }` },
  '20,000 aliases': { query: `{ ${Array.from({ length: MANY }, (_, i) => `a${i}: __typename`).join(' ')} }` },
  '20,000 directives': { query: `{ __typename ${'@skip(if: false) '.repeat(MANY)} }` },
  'fragments that double the selection 30 times': {
    query: `{ ...F30 } ${Array.from({ length: 30 }, (_, i) => `fragment F${i + 1} on Query { ...F${i} ...F${i} }`).join(' ')} fragment F0 on Query { __typename }`,
  },
  'fragments that include each other': { query: '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }' },
  '3,000 identical fields': { query: `{ ${'__typename '.repeat(3000)} }` },
  'circular introspection': {
    query: `{ __schema { types { ${'fields { type { '.repeat(15)}name${' } }'.repeat(15)} } } }`,
  },
}
const tooComplex = ['QUERY_TOO_COMPLEX', 'GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_PARSE_FAILED', 'PAYLOAD_TOO_LARGE']

export const graphqlAttacks = (fixtures: AttackFixtures): Attack[] => [
  ...Object.entries(bombs).flatMap(([name, operation]) =>
    attackGraphql(graphqlTargets(fixtures), title(name), () => operation, ...tooComplex),
  ),
  ...graphqlTargets(fixtures).flatMap((target) => [
    post(
      target,
      'a batch of operations',
      JSON.stringify(Array.from({ length: 50 }, () => ({ query: '{ __typename }' }))),
      ['VALIDATION_FAILED'],
    ),
    post(target, 'variables nested 20,000 deep', deepVariables, ['VALIDATION_FAILED', 'GRAPHQL_VALIDATION_FAILED']),
    post(target, 'a body of 10 MB', JSON.stringify({ query: `{ __typename } # ${'x'.repeat(10_000_000)}` }), [
      'PAYLOAD_TOO_LARGE',
      'connection closed',
    ]),
    post(target, 'a __proto__ key in the variables', '{"query":"{ __typename }","variables":{"__proto__":{"a":1}}}', [
      'VALIDATION_FAILED',
    ]),
    mutateByGet(target),
    ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'].map((type) =>
      post(
        target,
        `an operation as ${type.split(';')[0]}`,
        '{"query":"{ __typename }"}',
        ['UNSUPPORTED_MEDIA_TYPE'],
        type,
      ),
    ),
  ]),
  ...attackGraphql(
    graphqlTargets(fixtures, []),
    title('all orders of all customers with their products'),
    ({ admin }) => ({
      query: `{ orders(first: 100) { nodes { customer { orders(first: 100) { nodes { items { product { name } } } } } } } }`,
      headers: admin.headers,
    }),
    'QUERY_TOO_COMPLEX',
  ),
  ...['1000000', '-1', '0', '101'].flatMap((first) =>
    attackGraphql(
      graphqlTargets(fixtures, ['product']),
      title(`a page size of ${first}`),
      () => ({ query: `{ products(first: ${first}) { totalCount } }` }),
      'VALIDATION_FAILED',
      'QUERY_TOO_COMPLEX',
    ),
  ),
  ...attackGraphql(
    graphqlTargets(fixtures, ['product']),
    title('a letter with 40,000 combining marks'),
    () => ({
      query: 'query ($filter: ProductFilter) { products(filter: $filter) { totalCount } }',
      variables: { filter: { q: `a${'\u0301'.repeat(20_000)}${'\u0316'.repeat(20_000)}` } },
    }),
    'VALIDATION_FAILED',
  ),
  ...(fixtures.shop.throttlingScale === undefined ? [] : [guessPasswords(fixtures.shop.throttlingScale)]),
]

const deepVariables = `{"query":"query ($a: Int) { __typename }","variables":{"a":${'['.repeat(MANY)}${']'.repeat(MANY)}}}`

const post = (
  { endpoint, baseUrl }: Target,
  name: string,
  body: string,
  expected: string[],
  type = 'application/json',
): Attack => ({
  ...title(name),
  endpoint,
  expected: expected.join(' or '),
  run: async (fixtures) => {
    const request = { method: 'POST', path: '/graphql', body, headers: { 'content-type': type } }
    return toVerdict(await orConnectionClosed(sendRest(baseUrl(fixtures), request)), ...expected)
  },
})

const mutateByGet = ({ endpoint, baseUrl }: Target): Attack => ({
  ...title('a mutation by GET'),
  endpoint,
  expected: 'HTTP 405',
  run: async (fixtures) => {
    const query = 'mutation { __typename }'
    const { status } = await sendRest(baseUrl(fixtures), { path: `/graphql?query=${encodeURIComponent(query)}` })
    return { rejected: status === 405, observed: `HTTP ${status}` }
  },
})

/**
 * Sends 20 guesses at a password in each operation, by aliases. The rate limit must count every guess.
 *
 * @param throttlingScale the factor on the number of free guesses
 */
const guessPasswords = (throttlingScale: number): Attack => ({
  ...title('passwords guessed by aliases'),
  endpoint: 'gateway graphql',
  expected: 'RATE_LIMITED after the free guesses',
  run: async ({ shop }) => {
    // A new user: a successful sign-in of the victim meanwhile would reset the count.
    const { email } = await createUser(shop)
    const guess = (i: number): string =>
      `g${i}: login(input: { email: ${JSON.stringify(email)}, password: "guess ${i}" }) { accessToken }`
    const query = `mutation { ${Array.from({ length: 20 }, (_, i) => guess(i)).join(' ')} }`
    // If only operations were counted, the limit would come 20 times later.
    const operations = Math.ceil((FREE_GUESSES * throttlingScale) / 20) + 6
    let limited = 0
    for (let i = 0; i < operations; i++)
      if ((await sendGraphql(shop.gateway, { query })).outcome === 'RATE_LIMITED') limited++
    // A few operations may be accepted when their backoff has expired.
    return { rejected: limited >= 3, observed: `${limited} of ${operations} operations were RATE_LIMITED` }
  },
})

/** How many failed sign-ins an account allows without backoff, by docs/contract.md. */
const FREE_GUESSES = 5
