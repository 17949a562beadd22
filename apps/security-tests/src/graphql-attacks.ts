import { atGraphql, graphqlDoors, oneOf, type Attack } from './attack.ts'
import { askGraphql, askRest } from './ask.ts'
import type { Ground } from './ground.ts'
import { newPerson } from './people.ts'

const MANY = 20_000
const about = (what: string) => ({ class: 'graphql', what })

/** Documents that ask for more than anyone may; none of them is executed. */
const bombs: Record<string, { query: string; variables?: object }> = {
  '20,000 nested lists': { query: `{ __type(name: ${'['.repeat(MANY)}${']'.repeat(MANY)}) { name } }` },
  '20,000 nested objects': { query: `{ __type(name: ${'{a:'.repeat(MANY)}1${'}'.repeat(MANY)}) { name } }` },
  '20,000 nested fields': { query: '{a'.repeat(MANY) + '}'.repeat(MANY) },
  '20,000 nested list types': { query: `query ($a: ${'['.repeat(MANY)}Int${']'.repeat(MANY)}) { __typename }` },
  '20,000 aliases': { query: `{ ${Array.from({ length: MANY }, (_, i) => `a${i}: __typename`).join(' ')} }` },
  '20,000 directives': { query: `{ __typename ${'@skip(if: false) '.repeat(MANY)} }` },
  'fragments that double 30 times': {
    query: `{ ...F30 } ${Array.from({ length: 30 }, (_, i) => `fragment F${i + 1} on Query { ...F${i} ...F${i} }`).join(' ')} fragment F0 on Query { __typename }`,
  },
  'a fragment within itself': { query: '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }' },
  '3,000 equal fields': { query: `{ ${'__typename '.repeat(3000)} }` },
  'introspection in a circle': {
    query: `{ __schema { types { ${'fields { type { '.repeat(15)}name${' } }'.repeat(15)} } } }`,
  },
}
const tooMuch = ['QUERY_TOO_COMPLEX', 'GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_PARSE_FAILED', 'PAYLOAD_TOO_LARGE']

export const graphqlAttacks = (ground: Ground): Attack[] => [
  ...Object.entries(bombs).flatMap(([what, operation]) =>
    atGraphql(graphqlDoors(ground), about(what), () => operation, ...tooMuch),
  ),
  ...graphqlDoors(ground).flatMap((door) => [
    posted(
      door,
      'a batch of operations',
      JSON.stringify(Array.from({ length: 50 }, () => ({ query: '{ __typename }' }))),
      ['VALIDATION_FAILED'],
    ),
    posted(door, 'variables nested 20,000 deep', deepVariables, ['VALIDATION_FAILED', 'GRAPHQL_VALIDATION_FAILED']),
    posted(door, 'a body of 10 MB', JSON.stringify({ query: `{ __typename } # ${'x'.repeat(10_000_000)}` }), [
      'PAYLOAD_TOO_LARGE',
      'connection closed',
    ]),
    posted(door, 'variables of the prototype', '{"query":"{ __typename }","variables":{"__proto__":{"a":1}}}', [
      'VALIDATION_FAILED',
    ]),
    mutationByGet(door),
    ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'].map((type) =>
      posted(
        door,
        `an operation as ${type.split(';')[0]}`,
        '{"query":"{ __typename }"}',
        ['UNSUPPORTED_MEDIA_TYPE'],
        type,
      ),
    ),
  ]),
  ...atGraphql(
    graphqlDoors(ground, []),
    about('everyone’s orders with everyone’s products'),
    ({ admin }) => ({
      query: `{ orders(first: 100) { nodes { customer { orders(first: 100) { nodes { items { product { name } } } } } } } }`,
      headers: admin.headers,
    }),
    'QUERY_TOO_COMPLEX',
  ),
  ...['1000000', '-1', '0', '101'].flatMap((first) =>
    atGraphql(
      graphqlDoors(ground, ['product']),
      about(`a page of ${first}`),
      () => ({ query: `{ products(first: ${first}) { totalCount } }` }),
      'VALIDATION_FAILED',
      'QUERY_TOO_COMPLEX',
    ),
  ),
  ...atGraphql(
    graphqlDoors(ground, ['product']),
    about('a letter of 40,000 marks'),
    () => ({
      query: 'query ($filter: ProductFilter) { products(filter: $filter) { totalCount } }',
      variables: { filter: { q: `a${'\u0301'.repeat(20_000)}${'\u0316'.repeat(20_000)}` } },
    }),
    'VALIDATION_FAILED',
  ),
  ...(ground.place.pace === undefined ? [] : [guessing(ground.place.pace)]),
]

const deepVariables = `{"query":"query ($a: Int) { __typename }","variables":{"a":${'['.repeat(MANY)}${']'.repeat(MANY)}}}`

type Door = ReturnType<typeof graphqlDoors>[number]

const posted = (
  { door, base }: Door,
  what: string,
  body: string,
  right: string[],
  type = 'application/json',
): Attack => ({
  ...about(what),
  door,
  right: right.join(' or '),
  try: async (ground) => {
    const request = { method: 'POST', path: '/graphql', body, headers: { 'content-type': type } }
    return oneOf(await orClosed(askRest(base(ground), request)), ...right)
  },
})

const mutationByGet = ({ door, base }: Door): Attack => ({
  ...about('a mutation by GET'),
  door,
  right: 'HTTP 405',
  try: async (ground) => {
    const query = 'mutation { __typename }'
    const { status } = await askRest(base(ground), { path: `/graphql?query=${encodeURIComponent(query)}` })
    return { refused: status === 405, saw: `HTTP ${status}` }
  },
})

/** Twenty guesses at a password in one operation, again and again: they are counted one by one. */
const guessing = (pace: number): Attack => ({
  ...about('passwords guessed by aliases'),
  door: 'gateway graphql',
  right: 'RATE_LIMITED for what is too much',
  try: async ({ place }) => {
    // Someone who does not sign in meanwhile: that would forgive the wrong tries.
    const { email } = await newPerson(place)
    const guess = (i: number): string =>
      `g${i}: login(input: { email: ${JSON.stringify(email)}, password: "guess ${i}" }) { accessToken }`
    const query = `mutation { ${Array.from({ length: 20 }, (_, i) => guess(i)).join(' ')} }`
    const free = FREE_GUESSES * pace
    // One error is told of each operation, but all its guesses are counted: by operations it would take twenty times as long.
    const operations = Math.ceil(free / 20) + 6
    let limited = 0
    for (let i = 0; i < operations; i++)
      if ((await askGraphql(place.gateway, { query })).outcome === 'RATE_LIMITED') limited++
    // One or another goes on when a wait is over.
    return { refused: limited >= 3, saw: `${limited} of ${operations} operations were RATE_LIMITED` }
  },
})

/** How many wrong tries at one account wait for nothing, by docs/contract.md. */
const FREE_GUESSES = 5

/** A server may hang up on a body that it does not want, and a client that still sends sees no answer. */
export async function orClosed<A extends { outcome: string }>(answer: Promise<A>): Promise<{ outcome: string }> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof TypeError && error.message === 'fetch failed') return { outcome: 'connection closed' }
    throw error
  }
}
