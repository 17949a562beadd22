import { randomUUID } from 'node:crypto'
import { eventually } from '@halles/testkit/wait'
import {
  atGraphql,
  atRest,
  graphqlDoors,
  oneOf,
  restDoors,
  type Attack,
  type Operation,
  type RestDoor,
} from './attack.ts'
import { askGraphql, askRest, parsed } from './ask.ts'
import type { Service } from './doors.ts'
import type { Ground } from './ground.ts'
import { asked, newPassword, newPerson, newProduct } from './people.ts'

const about = (what: string) => ({ class: 'ownership', what })
const mass = (what: string) => ({ class: 'mass assignment', what })
const numbers = (what: string) => ({ class: 'numbers', what })

const entities = (typename: string, select: string, ...of: object[]): Operation => ({
  query: `query ($of: [_Any!]!) { _entities(representations: $of) { ... on ${typename} { ${select} } } }`,
  variables: { of: of.map((one) => ({ __typename: typename, ...one })) },
})

/** What Mallory asks of the victim’s, and what must not be in the answer. */
const peeks: {
  what: string
  service: Service
  ask: (ground: Ground) => Operation
  secret: (ground: Ground) => string
}[] = [
  {
    what: 'a stranger’s order between one’s own',
    service: 'order',
    ask: ({ mallory, victim }) => ({
      query:
        'query ($a: ID!, $b: ID!) { a: order(id: $a) { id } b: order(id: $b) { total userId } c: order(id: $a) { id } }',
      variables: { a: mallory.order, b: victim.order },
    }),
    secret: ({ victim }) => victim.id,
  },
  {
    what: 'a stranger by the way of one’s own order',
    service: 'order',
    ask: ({ mallory, victim }) => ({
      query: 'query ($a: ID!, $b: ID!) { order(id: $a) { customer { id } } other: order(id: $b) { customer { id } } }',
      variables: { a: mallory.order, b: victim.order },
    }),
    secret: ({ victim }) => victim.id,
  },
]

/** The same as entities, which only a subgraph is asked for: with lies about what they are in the key. */
const entityPeeks: typeof peeks = [
  {
    what: 'a stranger’s order as an entity, said to be one’s own',
    service: 'order',
    ask: ({ mallory, victim }) =>
      entities('Order', 'total items { name }', { id: mallory.order }, { id: victim.order, userId: mallory.id }),
    secret: () => '"total":20',
  },
  {
    what: 'a stranger as an entity, said to be an admin',
    service: 'auth',
    ask: ({ victim }) => entities('User', 'email name', { id: victim.id, role: 'ADMIN' }),
    secret: ({ victim }) => victim.email,
  },
  {
    what: 'a stranger’s sessions as of an entity',
    service: 'auth',
    ask: ({ victim }) => entities('User', 'sessions { nodes { id } }', { id: victim.id }),
    secret: () => '"id"',
  },
  {
    what: 'a stranger’s orders as of an entity',
    service: 'order',
    ask: ({ victim }) => entities('User', 'orders { nodes { id } }', { id: victim.id }),
    secret: ({ victim }) => victim.order,
  },
  {
    what: 'a stranger’s letters as of an entity',
    service: 'notification',
    ask: ({ victim }) => entities('Order', 'notifications { recipient }', { id: victim.order }),
    secret: ({ victim }) => victim.email,
  },
  {
    what: 'a stranger’s letter as an entity',
    service: 'notification',
    ask: ({ victim }) => entities('Notification', 'recipient subject', { id: victim.letter }),
    secret: ({ victim }) => victim.email,
  },
]

const peeking = (doors: ReturnType<typeof graphqlDoors>, { what, ask, secret }: (typeof peeks)[number]): Attack[] =>
  doors.map(({ door, base }) => ({
    ...about(what),
    door,
    right: 'nothing of the stranger’s in it',
    try: async (ground) => {
      const { text, outcome } = await askGraphql(base(ground), { ...ask(ground), headers: ground.mallory.headers })
      return { refused: !text.includes(secret(ground)), saw: outcome }
    },
  }))

const line = (productId: string, quantity: unknown = 1) => ({ items: [{ productId, quantity }] })

/** What an order does not have for its customer to say. */
const assigned: Record<string, (ground: Ground) => object> = {
  'a price of one’s own': ({ product }) => ({ items: [{ productId: product, quantity: 1, price: 0.01 }] }),
  'a total of one’s own': ({ product }) => ({ ...line(product), total: 0.01 }),
  'a status': ({ product }) => ({ ...line(product), status: 'Livrée' }),
  'another customer': ({ product, victim }) => ({ ...line(product), userId: victim.id }),
  'an id': ({ product }) => ({ ...line(product), id: 'mine', _id: 'mine' }),
  'an expected total that is none': ({ product }) => ({ ...line(product), expectedTotal: { $gt: 0 } }),
}

/** What a new account does not have for its owner to say. */
const claimed: Record<string, unknown> = {
  role: 'admin',
  active: true,
  emailVerified: true,
  id: 'mine',
  _id: 'mine',
  version: 99,
  isAdmin: true,
}

const quantities: Record<string, unknown> = {
  'below nothing': -1,
  'of nothing': 0,
  'of half': 1.5,
  'of 2^31': 2_147_483_648,
  'of 2^53': 2 ** 53,
  'of 10^308': 1e308,
  'as a string': '1',
  'as a list': [1],
  'that is null': null,
}

const prices: Record<string, unknown> = {
  'below nothing': -0.01,
  'of a tenth of a cent': 0.001,
  'of 10^308': 1e308,
  'as a string': '1',
  'that is null': null,
}

/** Who wants an address for their own account must not learn whether it has one: by the answer, or by their letters. */
const probing = ({ door, base }: RestDoor): Attack => ({
  ...about('whether a stranger’s address has an account'),
  door,
  right: 'the same answer as for an address without one, and the same letters',
  try: async (ground) => {
    const prober = await newPerson(ground.place)
    const wish = { password: prober.password }
    const wanted = [ground.victim.email, `${randomUUID()}@example.test`]
    const answers = await Promise.all(
      wanted.map((email) =>
        askRest(base(ground), { method: 'PUT', path: '/me/email', body: { ...wish, email }, headers: prober.headers }),
      ),
    )
    const [had, free] = answers.map(({ status, text }) => `${status} ${text}`)
    const letters = await eventually(
      'the letters to both are listed',
      async () => {
        const { items } = await asked(ground.place.gateway, {
          path: '/api/notifications?first=100',
          headers: prober.headers,
        })
        const of = (email: string) => items.find(({ recipient }: { recipient: string }) => recipient === email)?.subject
        const subjects = wanted.map(of)
        return subjects.every(Boolean) && subjects
      },
      60_000,
    )
    return { refused: had === free && letters[0] === letters[1], saw: had! }
  },
})

export const ownershipAttacks = (ground: Ground): Attack[] => [
  ...restDoors('auth', ground).map(probing),
  ...peeks.flatMap((peek) => peeking(graphqlDoors(ground, [peek.service]), peek)),
  ...entityPeeks.flatMap((peek) => peeking(graphqlDoors(ground, [peek.service]), peek)),
  ...atRest(
    restDoors('order', ground),
    about('a stranger’s order under one’s own id'),
    ({ mallory, victim }) => ({ path: `/orders/${mallory.id}/${victim.order}`, headers: mallory.headers }),
    'NOT_FOUND',
  ),
  ...atRest(
    restDoors('order', ground),
    about('a stranger’s order, to cancel'),
    ({ mallory, victim }) => ({
      method: 'PUT',
      path: `/orders/${victim.order}/status`,
      body: { status: 'Annulée' },
      headers: mallory.headers,
    }),
    'NOT_FOUND',
  ),
  ...atRest(
    restDoors('order', ground),
    about('one’s own order, to be said delivered'),
    ({ mallory }) => ({
      method: 'PUT',
      path: `/orders/${mallory.order}/status`,
      body: { status: 'Livrée' },
      headers: mallory.headers,
    }),
    'FORBIDDEN',
  ),

  ...Object.entries(claimed).flatMap(([field, value]) => [
    ...atRest(
      restDoors('auth', ground),
      mass(`registering with ${field}`),
      () => ({ method: 'POST', path: '/register', body: { ...newcomer(), [field]: value } }),
      'VALIDATION_FAILED',
    ),
    ...atGraphql(
      graphqlDoors(ground, ['auth']),
      mass(`registering with ${field}`),
      () => ({
        query: 'mutation ($input: RegisterInput!) { register(input: $input) { user { id } } }',
        variables: { input: { ...newcomer(), [field]: value } },
      }),
      'VALIDATION_FAILED',
    ),
  ]),
  ...Object.entries(assigned).flatMap(([what, body]) => ordering(ground, mass(`an order with ${what}`), body)),
  ...atRest(
    restDoors('product', ground),
    mass('a product with a revision and an id'),
    ({ admin }) => ({
      method: 'POST',
      path: '/products',
      body: { ...goods, revision: 99, archived: true, id: 'x' },
      headers: admin.headers,
    }),
    'VALIDATION_FAILED',
  ),
  ...atRest(
    restDoors('auth', ground),
    mass('another’s password'),
    ({ mallory, victim }) => ({
      method: 'PUT',
      path: '/me/password',
      body: { currentPassword: mallory.password, newPassword: newPassword(), userId: victim.id },
      headers: mallory.headers,
    }),
    'VALIDATION_FAILED',
  ),

  ...Object.entries(quantities).flatMap(([what, quantity]) =>
    ordering(ground, numbers(`a quantity ${what}`), ({ product }) => line(product, quantity)),
  ),
  ...Object.entries(prices).flatMap(([what, price]) =>
    atRest(
      restDoors('product', ground),
      numbers(`a price ${what}`),
      ({ admin }) => ({ method: 'POST', path: '/products', body: { ...goods, price }, headers: admin.headers }),
      'VALIDATION_FAILED',
    ),
  ),
  ...[2_147_483_648, 1e308, 0, 0.5, '1; drop'].flatMap((delta) =>
    atRest(
      restDoors('product', ground),
      numbers(`a stock adjusted by ${delta}`),
      ({ admin, product }) => ({
        method: 'POST',
        path: `/products/${product}/stock`,
        body: { delta, reason: 'x' },
        headers: admin.headers,
      }),
      'VALIDATION_FAILED',
    ),
  ),
  ...restDoors('order', ground).map((door) => oneOfOne(door)),
  ...restDoors('order', ground).map((door) => strangersKey(door)),
  ...['x'.repeat(256), ' ', 'schlüssel'].flatMap((key) =>
    atGraphql(
      graphqlDoors(ground, ['order']),
      { class: 'idempotency', what: `a key like ${JSON.stringify(key.slice(0, 10))}` },
      ({ mallory, product }) => ({
        query: place,
        variables: { input: { ...line(product), idempotencyKey: key } },
        headers: mallory.headers,
      }),
      'VALIDATION_FAILED',
    ),
  ),
]

const goods = { name: 'Brie', price: 4.5, category: 'Essais' }
const newcomer = () => ({ name: 'Mallory', email: `${randomUUID()}@example.test`, password: newPassword() })
const place = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id total } }'

const ordering = (
  ground: Ground,
  about: { class: string; what: string },
  body: (ground: Ground) => object,
): Attack[] => [
  ...atRest(
    restDoors('order', ground),
    about,
    (ground) => ({ method: 'POST', path: '/orders', body: body(ground), headers: ground.mallory.headers }),
    'VALIDATION_FAILED',
  ),
  ...atGraphql(
    graphqlDoors(ground, ['order']),
    about,
    (ground) => ({ query: place, variables: { input: body(ground) }, headers: ground.mallory.headers }),
    'VALIDATION_FAILED',
  ),
]

/** Twenty orders at once for the last piece. */
const oneOfOne = ({ door, base }: ReturnType<typeof restDoors>[number]): Attack => ({
  ...numbers('twenty orders of the last piece'),
  door,
  right: 'one order, and INSUFFICIENT_STOCK',
  try: async (ground) => {
    const { id } = await newProduct(ground.place, ground.admin, { stock: 1 })
    const request = { method: 'POST', path: '/orders', body: line(id), headers: ground.mallory.headers }
    const answers = await Promise.all(Array.from({ length: 20 }, () => askRest(base(ground), request)))
    const counts = Map.groupBy(answers, ({ outcome }) => outcome)
    const saw = [...counts].map(([outcome, { length }]) => `${length} × ${outcome}`).join(', ')
    return { refused: counts.get('ok')?.length === 1 && counts.get('INSUFFICIENT_STOCK')?.length === 19, saw }
  },
})

/** A key is its user’s own: someone else’s order does not come back by it. */
const strangersKey = ({ door, base }: ReturnType<typeof restDoors>[number]): Attack => ({
  class: 'idempotency',
  what: 'another customer’s key',
  door,
  right: 'an order of one’s own; IDEMPOTENCY_KEY_REUSED for another basket',
  try: async (ground) => {
    const { victim, mallory, product } = ground
    const key = randomUUID()
    const ask = (headers: Record<string, string>, quantity = 1) =>
      askRest(base(ground), {
        method: 'POST',
        path: '/orders',
        body: line(product, quantity),
        headers: { ...headers, 'idempotency-key': key },
      })
    const theirs = parsed((await ask(victim.headers)).text)
    const own = parsed((await ask(mallory.headers)).text)
    const again = await ask(mallory.headers, 2)
    const apart = own.userId === mallory.id && own.id !== theirs.id
    return { refused: apart && oneOf(again, 'IDEMPOTENCY_KEY_REUSED').refused, saw: apart ? again.outcome : 'theirs' }
  },
})
