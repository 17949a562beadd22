import { atGraphql, atRest, graphqlDoors, restDoors, type Attack, type Verdict } from './attack.ts'
import { askRest, parsed } from './ask.ts'
import type { Ground } from './ground.ts'
import { say } from './raw.ts'

const about = (what: string) => ({ class: 'ids', what })

/** What no thing is called, written into the address as it is. */
const ids: Record<string, string> = {
  'an operator': encodeURIComponent('{"$ne":null}'),
  'a $where': encodeURIComponent('{"$where":"sleep(5000)"}'),
  'a number': '0',
  __proto__: '__proto__',
  constructor: 'constructor',
  'a path out of it': '..%2f..%2fmetrics',
  'a path twice encoded': '%252e%252e%252fmetrics',
  'a NUL': 'a%00b',
  'a line break': 'a%0d%0aSet-Cookie:%20x=1',
  'wide dots and slashes': encodeURIComponent('．．／metrics'),
  'letters that turn around': encodeURIComponent('\u202Eadmin'),
  'half an emoji': '%ed%a0%bd',
  'bytes that are no UTF-8': '%c0%ae%c0%ae',
  'a percent sign': '%',
  'a kilobyte': 'x'.repeat(1000),
}
/** A service may tell that it cannot read an address, or that nothing is there. */
const nowhere = ['NOT_FOUND', 'VALIDATION_FAILED']

/** Addresses that lead to what the gateway does not pass on, if someone reads them differently from it. */
const detours = [
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

/** The same at a service itself: it has one address for each thing. */
const crooked = [
  '/users/../revocations',
  '/users/%2e%2e/revocations',
  '/users/..%2frevocations',
  '//revocations',
  '/./healthz',
  '/docs/static/../../healthz',
  '/docs/static/..%2f..%2f..%2fpackage.json',
  '/docs/static/..%5c..%5cpackage.json',
]

/** Filters with more in them than a filter is. */
const queries = [
  'category[$ne]=x',
  'q[$regex]=.*',
  'minPrice[$gt]=0',
  '$where=sleep(5000)',
  '__proto__[a]=1',
  'sort=__proto__',
]

export const idAttacks = (ground: Ground): Attack[] => [
  ...Object.entries(ids).flatMap(([what, id]) => [
    ...atRest(
      restDoors('product', ground),
      about(`${what} for a product`),
      () => ({ path: `/products/${id}` }),
      ...nowhere,
    ),
    ...atRest(
      restDoors('order', ground),
      about(`${what} for an order`),
      ({ admin }) => ({ path: `/orders/${admin.id}/${id}`, headers: admin.headers }),
      ...nowhere,
    ),
    ...atRest(
      restDoors('auth', ground),
      about(`${what} for a user`),
      ({ admin }) => ({ path: `/users/${id}`, headers: admin.headers }),
      ...nowhere,
    ),
    ...atRest(
      restDoors('notification', ground),
      about(`${what} for a dead letter`),
      ({ admin }) => ({ path: `/dead-letters/${id}`, headers: admin.headers }),
      ...nowhere,
    ),
  ]),
  ...detours.map((path) => detour(path)),
  ...restDoors('auth', ground)
    .slice(1)
    .flatMap(({ door, base }) => crooked.map((path) => detour(path, door, base))),
  ...queries.flatMap((query) =>
    atRest(
      restDoors('product', ground),
      about(`a filter ?${query}`),
      () => ({ path: `/products?${query}` }),
      'VALIDATION_FAILED',
    ),
  ),
  ...atRest(
    restDoors('notification', ground),
    about('an operator for an order in a filter'),
    ({ mallory }) => ({ path: '/notifications?orderId[$ne]=x', headers: mallory.headers }),
    'VALIDATION_FAILED',
  ),
  ...atGraphql(
    graphqlDoors(ground, ['order']),
    about('an operator for an id'),
    ({ mallory }) => ({
      query: 'query ($id: ID!) { order(id: $id) { id } }',
      variables: { id: { $ne: null } },
      headers: mallory.headers,
    }),
    'VALIDATION_FAILED',
  ),
  ...atGraphql(
    graphqlDoors(ground, ['product']),
    about('an operator in a filter'),
    () => ({
      query: 'query ($filter: ProductFilter) { products(filter: $filter) { totalCount } }',
      variables: { filter: { category: { $ne: '' } } },
    }),
    'VALIDATION_FAILED',
  ),
  ...atGraphql(
    graphqlDoors(ground, ['order']).slice(1),
    about('an operator for the key of an entity'),
    ({ mallory }) => ({
      query: 'query ($of: [_Any!]!) { _entities(representations: $of) { ... on Order { total } } }',
      variables: { of: [{ __typename: 'Order', id: { $ne: null } }] },
      headers: mallory.headers,
    }),
    'VALIDATION_FAILED',
    'NOT_FOUND',
  ),
  ...cursors(ground),
]

/** What a client would tidy up before it asks is asked as it is. */
const detour = (path: string, door = 'gateway', base = ({ place }: Ground): string => place.gateway): Attack => ({
  ...about(`the address ${path}`),
  door,
  right: 'NOT_FOUND',
  try: async (ground): Promise<Verdict> => {
    const { host } = new URL(base(ground))
    const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    const { statuses, text } = await say(base(ground), request, { within: 10_000 })
    const isProblem = /^content-type: application\/problem\+json/im.test(text) && text.includes('"code":"NOT_FOUND"')
    return { refused: isProblem && statuses.join() === '404', saw: `HTTP ${statuses.join(' ')}` }
  },
})

/** The end of the first page of a list, of someone whose list it is. */
async function cursorOf({ place }: Ground, path: string, headers: Record<string, string>): Promise<string> {
  const answer = await askRest(place.gateway, { path: `/api${path}`, headers })
  const cursor = parsed(answer.text)?.pageInfo?.endCursor as string | undefined
  if (!cursor) throw new Error(`${path} has no cursor: ${answer.text}`)
  return cursor
}

/** A cursor with another place in it. */
const moved = (cursor: string, change: (parts: unknown[]) => unknown[]): string =>
  Buffer.from(JSON.stringify(change(JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]))).toString(
    'base64url',
  )

const changes: Record<string, (parts: unknown[]) => unknown[]> = {
  'with an operator in it': ([list, ...place]) => [list, ...place.map(() => ({ $gt: '' }))],
  'of no list': ([, ...place]) => ['AAAAAAAA', ...place],
  'with a place too few': ([list]) => [list],
  'with a place too many': (parts) => [...parts, 'x', 'y'],
}

function cursors(ground: Ground): Attack[] {
  const at = (what: string, cursor: (ground: Ground) => Promise<string>): Attack[] =>
    atRest(
      restDoors('order', ground),
      { class: 'cursors', what },
      async (ground) => ({
        path: `/orders/${ground.mallory.id}?first=1&after=${await cursor(ground)}`,
        headers: ground.mallory.headers,
      }),
      'VALIDATION_FAILED',
    )
  const own = (ground: Ground): Promise<string> =>
    cursorOf(ground, `/orders/${ground.mallory.id}?first=1`, ground.mallory.headers)
  return [
    ...at('a cursor of another customer’s orders', (ground) =>
      cursorOf(ground, `/orders/${ground.victim.id}?first=1`, ground.victim.headers),
    ),
    ...at('a cursor of all orders', (ground) => cursorOf(ground, '/orders?first=1', ground.admin.headers)),
    ...at('a cursor of products', (ground) => cursorOf(ground, '/products?first=1', {})),
    ...Object.entries(changes).flatMap(([what, change]) =>
      at(`a cursor ${what}`, async (ground) => moved(await own(ground), change)),
    ),
    ...at('a cursor of nonsense', async () => 'bm9uc2Vuc2U'),
    ...atRest(
      restDoors('notification', ground),
      { class: 'cursors', what: 'a cursor of another customer’s letters' },
      async (ground) => ({
        path: `/notifications?first=1&after=${await cursorOf(ground, '/notifications?first=1', ground.victim.headers)}`,
        headers: ground.mallory.headers,
      }),
      'VALIDATION_FAILED',
    ),
  ]
}
