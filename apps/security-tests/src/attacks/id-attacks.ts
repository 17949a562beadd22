import { attackGraphql, attackRest, graphqlTargets, restTargets, type Attack, type Verdict } from './attack.ts'
import { parseJson, sendRest } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { sendRaw } from '../raw-socket.ts'

const title = (name: string) => ({ category: 'ids', name })

/** Ids that no resource has, inserted into the URL without further encoding. */
const ids: Record<string, string> = {
  'a MongoDB operator': encodeURIComponent('{"$ne":null}'),
  'a $where': encodeURIComponent('{"$where":"sleep(5000)"}'),
  'a number': '0',
  ['__proto__']: '__proto__', // computed, as a plain __proto__ would set the prototype
  constructor: 'constructor',
  'an encoded parent path': '..%2f..%2fmetrics',
  'a doubly encoded parent path': '%252e%252e%252fmetrics',
  'a NUL': 'a%00b',
  'a line break': 'a%0d%0aSet-Cookie:%20x=1',
  'full-width dots and slashes': encodeURIComponent('．．／metrics'),
  'a right-to-left override': encodeURIComponent('\u202Eadmin'),
  'half of a surrogate pair': '%ed%a0%bd',
  'overlong UTF-8': '%c0%ae%c0%ae',
  'a percent sign': '%',
  '1,000 characters': 'x'.repeat(1000),
}
/** A service may respond that the URL is invalid, or that the resource does not exist. */
const notFoundOrInvalid = ['NOT_FOUND', 'VALIDATION_FAILED']

/** Paths to routes that the gateway does not proxy, if a service normalizes them differently. */
const pathsAtGateway = [
  '/api/revocations',
  '/api//revocations',
  '/api/%72evocations',
  '/api/users/../revocations',
  '/api/users/%2e%2e/revocations',
  '/api/users/..%2frevocations',
  '/api/users/..%5crevocations',
  '/api/users/..;/revocations',
  '/api/users/x/../../revocations',
  '/api/./revocations',
  '/api/users/..%2fmetrics',
  '/api/products/../metrics',
  '/api/products/%2e%2e/readyz',
  '/api/metrics',
  '/api/graphql',
  '/api/docs/json',
  '/images/../metrics',
  '/images/..%2fmetrics',
  '/images/..%2f..%2f..%2f..%2fetc%2fpasswd',
  '/docs/auth/..%2f..%2frevocations',
  '/docs/auth/%2e%2e/revocations',
  '/docs/auth/static/..%2f..%2f..%2f..%2fpackage.json',
  '/api/orders/../../graphql?query={__typename}',
  '/api/orders/..;/graphql?query={__typename}',
  '/%61pi/users/../revocations',
  '//api/revocations',
  'http://gateway/api/users/../revocations',
]

/** Paths to routes of a service that are not normalized. */
const pathsAtService = [
  '/users/../revocations',
  '/users/%2e%2e/revocations',
  '/users/..%2frevocations',
  '//revocations',
  '/./healthz',
  '/docs/static/../../healthz',
  '/docs/static/..%2f..%2f..%2fpackage.json',
  '/docs/static/..%5c..%5cpackage.json',
]

/** Query strings with operators or unknown values. */
const queries = [
  'category[$ne]=x',
  'q[$regex]=.*',
  'minPrice[$gt]=0',
  '$where=sleep(5000)',
  '__proto__[a]=1',
  'sort=__proto__',
]

export const idAttacks = (fixtures: AttackFixtures): Attack[] => [
  ...Object.entries(ids).flatMap(([name, id]) => [
    ...attackRest(
      restTargets('product', fixtures),
      title(`${name} as a product id`),
      () => ({ path: `/products/${id}` }),
      ...notFoundOrInvalid,
    ),
    ...attackRest(
      restTargets('order', fixtures),
      title(`${name} as an order id`),
      ({ admin }) => ({ path: `/orders/${admin.id}/${id}`, headers: admin.headers }),
      ...notFoundOrInvalid,
    ),
    ...attackRest(
      restTargets('auth', fixtures),
      title(`${name} as a user id`),
      ({ admin }) => ({ path: `/users/${id}`, headers: admin.headers }),
      ...notFoundOrInvalid,
    ),
    ...attackRest(
      restTargets('notification', fixtures),
      title(`${name} as a dead letter id`),
      ({ admin }) => ({ path: `/dead-letters/${id}`, headers: admin.headers }),
      ...notFoundOrInvalid,
    ),
  ]),
  ...pathsAtGateway.map((path) => requestPath(path)),
  ...restTargets('auth', fixtures)
    .slice(1)
    .flatMap(({ endpoint, baseUrl }) => pathsAtService.map((path) => requestPath(path, endpoint, baseUrl))),
  ...queries.flatMap((query) =>
    attackRest(
      restTargets('product', fixtures),
      title(`the filter ?${query}`),
      () => ({ path: `/products?${query}` }),
      'VALIDATION_FAILED',
    ),
  ),
  ...attackRest(
    restTargets('notification', fixtures),
    title('an operator as an order id in a filter'),
    ({ attacker }) => ({ path: '/notifications?orderId[$ne]=x', headers: attacker.headers }),
    'VALIDATION_FAILED',
  ),
  ...attackGraphql(
    graphqlTargets(fixtures, ['order']),
    title('an operator as an id'),
    ({ attacker }) => ({
      query: 'query ($id: ID!) { order(id: $id) { id } }',
      variables: { id: { $ne: null } },
      headers: attacker.headers,
    }),
    'VALIDATION_FAILED',
  ),
  ...attackGraphql(
    graphqlTargets(fixtures, ['product']),
    title('an operator in a filter'),
    () => ({
      query: 'query ($filter: ProductFilter) { products(filter: $filter) { totalCount } }',
      variables: { filter: { category: { $ne: '' } } },
    }),
    'VALIDATION_FAILED',
  ),
  ...attackGraphql(
    graphqlTargets(fixtures, ['order']).slice(1),
    title('an operator as an entity key'),
    ({ attacker }) => ({
      query: 'query ($of: [_Any!]!) { _entities(representations: $of) { ... on Order { total } } }',
      variables: { of: [{ __typename: 'Order', id: { $ne: null } }] },
      headers: attacker.headers,
    }),
    'VALIDATION_FAILED',
    'NOT_FOUND',
  ),
  ...cursorAttacks(fixtures),
]

/** Requests a path over a raw connection, because an HTTP client would normalize it. */
const requestPath = (
  path: string,
  endpoint = 'gateway',
  baseUrl = ({ shop }: AttackFixtures): string => shop.gateway,
): Attack => ({
  ...title(`the path ${path}`),
  endpoint,
  expected: 'NOT_FOUND',
  run: async (fixtures): Promise<Verdict> => {
    const { host } = new URL(baseUrl(fixtures))
    const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    const { statuses, text } = await sendRaw(baseUrl(fixtures), request, { timeout: 10_000 })
    const isProblem = /^content-type: application\/problem\+json/im.test(text) && text.includes('"code":"NOT_FOUND"')
    return { rejected: isProblem && statuses.join() === '404', observed: `HTTP ${statuses.join(' ')}` }
  },
})

/** The end cursor of the first page of a list. @throws Error when there is none */
async function fetchCursor({ shop }: AttackFixtures, path: string, headers: Record<string, string>): Promise<string> {
  const response = await sendRest(shop.gateway, { path: `/api${path}`, headers })
  const cursor = parseJson(response.text)?.pageInfo?.endCursor as string | undefined
  if (!cursor) throw new Error(`${path} has no cursor: ${response.text}`)
  return cursor
}

/** Changes the decoded parts of a cursor: the list that it belongs to, and the position in it. */
const tamper = (cursor: string, change: (parts: unknown[]) => unknown[]): string =>
  Buffer.from(JSON.stringify(change(JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]))).toString(
    'base64url',
  )

const changes: Record<string, (parts: unknown[]) => unknown[]> = {
  'with an operator in it': ([list, ...position]) => [list, ...position.map(() => ({ $gt: '' }))],
  'of an unknown list': ([, ...position]) => ['AAAAAAAA', ...position],
  'without a position': ([list]) => [list],
  'with too many parts': (parts) => [...parts, 'x', 'y'],
}

function cursorAttacks(fixtures: AttackFixtures): Attack[] {
  const sendCursor = (name: string, cursor: (fixtures: AttackFixtures) => Promise<string>): Attack[] =>
    attackRest(
      restTargets('order', fixtures),
      { category: 'cursors', name },
      async (fixtures) => ({
        path: `/orders/${fixtures.attacker.id}?first=1&after=${await cursor(fixtures)}`,
        headers: fixtures.attacker.headers,
      }),
      'VALIDATION_FAILED',
    )
  const fetchOwnCursor = (fixtures: AttackFixtures): Promise<string> =>
    fetchCursor(fixtures, `/orders/${fixtures.attacker.id}?first=1`, fixtures.attacker.headers)
  return [
    ...sendCursor('a cursor of another customer’s orders', (fixtures) =>
      fetchCursor(fixtures, `/orders/${fixtures.victim.id}?first=1`, fixtures.victim.headers),
    ),
    ...sendCursor('a cursor of the list of all orders', (fixtures) =>
      fetchCursor(fixtures, '/orders?first=1', fixtures.admin.headers),
    ),
    ...sendCursor('a cursor of the list of products', (fixtures) => fetchCursor(fixtures, '/products?first=1', {})),
    ...Object.entries(changes).flatMap(([name, change]) =>
      sendCursor(`a cursor ${name}`, async (fixtures) => tamper(await fetchOwnCursor(fixtures), change)),
    ),
    ...sendCursor('a cursor that cannot be decoded', async () => 'bm9uc2Vuc2U'),
    ...attackRest(
      restTargets('notification', fixtures),
      { category: 'cursors', name: 'a cursor of another customer’s e-mails' },
      async (fixtures) => ({
        path: `/notifications?first=1&after=${await fetchCursor(fixtures, '/notifications?first=1', fixtures.victim.headers)}`,
        headers: fixtures.attacker.headers,
      }),
      'VALIDATION_FAILED',
    ),
  ]
}
