import { randomUUID } from 'node:crypto'
import { sendRest } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { createProduct, randomPassword } from '../fixtures/users.ts'
import {
  attackGraphql,
  attackRest,
  graphqlTargets,
  restTargets,
  type Attack,
  type Target,
  type Title,
} from './attack.ts'

const massAssignment = (name: string): Title => ({ category: 'mass assignment', name })
const numbers = (name: string): Title => ({ category: 'numbers', name })

const basket = (productId: string, quantity: unknown = 1) => ({ items: [{ productId, quantity }] })
const productInput = { name: 'Brie', price: 4.5, category: 'Essais' }
const registration = () => ({ name: 'Mallory', email: `${randomUUID()}@example.test`, password: randomPassword() })
const placeOrder = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id total } }'

/** Fields of an order that a customer cannot set. */
const orderInputs: Record<string, (fixtures: AttackFixtures) => object> = {
  'a chosen price': ({ product }) => ({ items: [{ productId: product, quantity: 1, price: 0.01 }] }),
  'a chosen total': ({ product }) => ({ ...basket(product), total: 0.01 }),
  'a status': ({ product }) => ({ ...basket(product), status: 'Livrée' }),
  'another customer': ({ product, victim }) => ({ ...basket(product), userId: victim.id }),
  'an id': ({ product }) => ({ ...basket(product), id: 'mine', _id: 'mine' }),
  'an operator as the expected total': ({ product }) => ({ ...basket(product), expectedTotal: { $gt: 0 } }),
}

/** Fields of an account that its owner cannot set. */
const accountFields: Record<string, unknown> = {
  role: 'admin',
  active: true,
  emailVerified: true,
  id: 'mine',
  _id: 'mine',
  version: 99,
  isAdmin: true,
}

const invalidQuantities: Record<string, unknown> = {
  'below zero': -1,
  'of zero': 0,
  'of 1.5': 1.5,
  'of 2^31': 2_147_483_648,
  'of 2^53': 2 ** 53,
  'of 10^308': 1e308,
  'as a string': '1',
  'as a list': [1],
  'of null': null,
}

const invalidPrices: Record<string, unknown> = {
  'below zero': -0.01,
  'of a tenth of a cent': 0.001,
  'of 10^308': 1e308,
  'as a string': '1',
  'of null': null,
}

/** Inputs with fields that clients cannot set, and with numbers outside their range. */
export const inputAttacks = (fixtures: AttackFixtures): Attack[] => [
  ...Object.entries(accountFields).flatMap(([field, value]) => [
    ...attackRest(
      restTargets('auth', fixtures),
      massAssignment(`registering with ${field}`),
      () => ({ method: 'POST', path: '/register', body: { ...registration(), [field]: value } }),
      'VALIDATION_FAILED',
    ),
    ...attackGraphql(
      graphqlTargets(fixtures, ['auth']),
      massAssignment(`registering with ${field}`),
      () => ({
        query: 'mutation ($input: RegisterInput!) { register(input: $input) { user { id } } }',
        variables: { input: { ...registration(), [field]: value } },
      }),
      'VALIDATION_FAILED',
    ),
  ]),
  ...Object.entries(orderInputs).flatMap(([content, input]) =>
    orderWith(fixtures, massAssignment(`an order with ${content}`), input),
  ),
  ...attackRest(
    restTargets('product', fixtures),
    massAssignment('a product with a revision and an id'),
    ({ admin }) => ({
      method: 'POST',
      path: '/products',
      body: { ...productInput, revision: 99, archived: true, id: 'x' },
      headers: admin.headers,
    }),
    'VALIDATION_FAILED',
  ),
  ...attackRest(
    restTargets('auth', fixtures),
    massAssignment('another user’s password'),
    ({ attacker, victim }) => ({
      method: 'PUT',
      path: '/me/password',
      body: { currentPassword: attacker.password, newPassword: randomPassword(), userId: victim.id },
      headers: attacker.headers,
    }),
    'VALIDATION_FAILED',
  ),

  ...Object.entries(invalidQuantities).flatMap(([content, quantity]) =>
    orderWith(fixtures, numbers(`a quantity ${content}`), ({ product }) => basket(product, quantity)),
  ),
  ...Object.entries(invalidPrices).flatMap(([content, price]) =>
    attackRest(
      restTargets('product', fixtures),
      numbers(`a price ${content}`),
      ({ admin }) => ({ method: 'POST', path: '/products', body: { ...productInput, price }, headers: admin.headers }),
      'VALIDATION_FAILED',
    ),
  ),
  ...[2_147_483_648, 1e308, 0, 0.5, '1; drop'].flatMap((delta) =>
    attackRest(
      restTargets('product', fixtures),
      numbers(`a stock adjustment by ${delta}`),
      ({ admin, product }) => ({
        method: 'POST',
        path: `/products/${product}/stock`,
        body: { delta, reason: 'x' },
        headers: admin.headers,
      }),
      'VALIDATION_FAILED',
    ),
  ),
  ...restTargets('order', fixtures).map(orderLastItem),
  ...['x'.repeat(256), ' ', 'schlüssel'].flatMap((key) =>
    attackGraphql(
      graphqlTargets(fixtures, ['order']),
      { category: 'idempotency', name: `the invalid key ${JSON.stringify(key.slice(0, 10))}` },
      ({ attacker, product }) => ({
        query: placeOrder,
        variables: { input: { ...basket(product), idempotencyKey: key } },
        headers: attacker.headers,
      }),
      'VALIDATION_FAILED',
    ),
  ),
]

const orderWith = (fixtures: AttackFixtures, title: Title, input: (fixtures: AttackFixtures) => object): Attack[] => [
  ...attackRest(
    restTargets('order', fixtures),
    title,
    (fixtures) => ({ method: 'POST', path: '/orders', body: input(fixtures), headers: fixtures.attacker.headers }),
    'VALIDATION_FAILED',
  ),
  ...attackGraphql(
    graphqlTargets(fixtures, ['order']),
    title,
    (fixtures) => ({ query: placeOrder, variables: { input: input(fixtures) }, headers: fixtures.attacker.headers }),
    'VALIDATION_FAILED',
  ),
]

/** Twenty concurrent orders for the last item in stock. */
const orderLastItem = ({ endpoint, baseUrl }: Target): Attack => ({
  ...numbers('twenty concurrent orders for the last item'),
  endpoint,
  expected: 'one order, and INSUFFICIENT_STOCK',
  run: async (fixtures) => {
    const { id } = await createProduct(fixtures.shop, fixtures.admin, { stock: 1 })
    const request = { method: 'POST', path: '/orders', body: basket(id), headers: fixtures.attacker.headers }
    const responses = await Promise.all(Array.from({ length: 20 }, () => sendRest(baseUrl(fixtures), request)))
    const counts = Map.groupBy(responses, ({ outcome }) => outcome)
    const observed = [...counts].map(([outcome, { length }]) => `${length} × ${outcome}`).join(', ')
    return {
      rejected: counts.get('ok')?.length === 1 && counts.get('INSUFFICIENT_STOCK')?.length === 19,
      observed,
    }
  },
})
