import { randomUUID } from 'node:crypto'
import { eventually } from '@halles/test-fixtures/wait'
import { parseJson, sendGraphql, sendRest } from '../clients.ts'
import type { Service } from '../endpoints/endpoints.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { createUser, sendExpectingSuccess } from '../fixtures/users.ts'
import {
  attackRest,
  graphqlTargets,
  restTargets,
  toVerdict,
  type Attack,
  type Operation,
  type Target,
} from './attack.ts'

const title = (name: string) => ({ category: 'ownership', name })

const queryEntities = (typename: string, select: string, ...representations: object[]): Operation => ({
  query: `query ($of: [_Any!]!) { _entities(representations: $of) { ... on ${typename} { ${select} } } }`,
  variables: { of: representations.map((one) => ({ __typename: typename, ...one })) },
})

/** An operation by which the attacker reads data of the victim, and a text that must not be in the response. */
type ForeignRead = {
  name: string
  service: Service
  operation: (fixtures: AttackFixtures) => Operation
  secret: (fixtures: AttackFixtures) => string
}

const foreignReads: ForeignRead[] = [
  {
    name: 'another customer’s order between two own ones',
    service: 'order',
    operation: ({ attacker, victim }) => ({
      query:
        'query ($a: ID!, $b: ID!) { a: order(id: $a) { id } b: order(id: $b) { total userId } c: order(id: $a) { id } }',
      variables: { a: attacker.orderId, b: victim.orderId },
    }),
    secret: ({ victim }) => victim.id,
  },
  {
    name: 'another customer next to an own order',
    service: 'order',
    operation: ({ attacker, victim }) => ({
      query: 'query ($a: ID!, $b: ID!) { order(id: $a) { customer { id } } other: order(id: $b) { customer { id } } }',
      variables: { a: attacker.orderId, b: victim.orderId },
    }),
    secret: ({ victim }) => victim.id,
  },
]

/** Reads by `_entities`, which only subgraphs offer; some representations contain false data. */
const foreignEntityReads: ForeignRead[] = [
  {
    name: 'another customer’s order as an entity with the attacker’s user id',
    service: 'order',
    operation: ({ attacker, victim }) =>
      queryEntities(
        'Order',
        'total items { name }',
        { id: attacker.orderId },
        { id: victim.orderId, userId: attacker.id },
      ),
    secret: () => '"total":20',
  },
  {
    name: 'another user as an entity with the role of an admin',
    service: 'auth',
    operation: ({ victim }) => queryEntities('User', 'email name', { id: victim.id, role: 'ADMIN' }),
    secret: ({ victim }) => victim.email,
  },
  {
    name: 'another user’s sessions by an entity',
    service: 'auth',
    operation: ({ victim }) => queryEntities('User', 'sessions { nodes { id } }', { id: victim.id }),
    secret: () => '"id"',
  },
  {
    name: 'another customer’s orders by an entity',
    service: 'order',
    operation: ({ victim }) => queryEntities('User', 'orders { nodes { id } }', { id: victim.id }),
    secret: ({ victim }) => victim.orderId,
  },
  {
    name: 'another customer’s e-mails by an entity',
    service: 'notification',
    operation: ({ victim }) => queryEntities('Order', 'notifications { recipient }', { id: victim.orderId }),
    secret: ({ victim }) => victim.email,
  },
  {
    name: 'another customer’s e-mail as an entity',
    service: 'notification',
    operation: ({ victim }) => queryEntities('Notification', 'recipient subject', { id: victim.emailId }),
    secret: ({ victim }) => victim.email,
  },
]

export const ownershipAttacks = (fixtures: AttackFixtures): Attack[] => [
  ...restTargets('auth', fixtures).map(probeEmail),
  ...[...foreignReads, ...foreignEntityReads].flatMap((read) =>
    graphqlTargets(fixtures, [read.service]).map((target) => readForeignData(target, read)),
  ),
  ...attackRest(
    restTargets('order', fixtures),
    title('another customer’s order under the attacker’s user id'),
    ({ attacker, victim }) => ({ path: `/orders/${attacker.id}/${victim.orderId}`, headers: attacker.headers }),
    'NOT_FOUND',
  ),
  ...attackRest(
    restTargets('order', fixtures),
    title('cancelling another customer’s order'),
    ({ attacker, victim }) => ({
      method: 'PUT',
      path: `/orders/${victim.orderId}/status`,
      body: { status: 'Annulée' },
      headers: attacker.headers,
    }),
    'NOT_FOUND',
  ),
  ...attackRest(
    restTargets('order', fixtures),
    title('marking an own order as delivered'),
    ({ attacker }) => ({
      method: 'PUT',
      path: `/orders/${attacker.orderId}/status`,
      body: { status: 'Livrée' },
      headers: attacker.headers,
    }),
    'FORBIDDEN',
  ),
  ...restTargets('order', fixtures).map(reuseForeignKey),
]

const readForeignData = ({ endpoint, baseUrl }: Target, { name, operation, secret }: ForeignRead): Attack => ({
  ...title(name),
  endpoint,
  expected: 'no data of the other user',
  run: async (fixtures) => {
    const { text, outcome } = await sendGraphql(baseUrl(fixtures), {
      ...operation(fixtures),
      headers: fixtures.attacker.headers,
    })
    return { rejected: !text.includes(secret(fixtures)), observed: outcome }
  },
})

/**
 * Account enumeration: a user who changes their address to one that has an account must not learn that it has, neither by
 * the response nor by the e-mails that they can list.
 */
const probeEmail = ({ endpoint, baseUrl }: Target): Attack => ({
  ...title('whether an address has an account'),
  endpoint,
  expected: 'the same response and the same e-mails as for an unused address',
  run: async (fixtures) => {
    const prober = await createUser(fixtures.shop)
    const emails = [fixtures.victim.email, `${randomUUID()}@example.test`]
    const responses = await Promise.all(
      emails.map((email) =>
        sendRest(baseUrl(fixtures), {
          method: 'PUT',
          path: '/me/email',
          body: { password: prober.password, email },
          headers: prober.headers,
        }),
      ),
    )
    const [used, unused] = responses.map(({ status, text }) => `${status} ${text}`)
    const subjects = await eventually(
      'the e-mails to both addresses are listed',
      async () => {
        const { items } = await sendExpectingSuccess(fixtures.shop.gateway, {
          path: '/api/notifications?first=100',
          headers: prober.headers,
        })
        const found = emails.map(
          (email) => items.find(({ recipient }: { recipient: string }) => recipient === email)?.subject,
        )
        return found.every(Boolean) && found
      },
      60_000,
    )
    return { rejected: used === unused && subjects[0] === subjects[1], observed: used! }
  },
})

/** Idempotency keys are scoped to their user: another user’s key must not return that user’s order. */
const reuseForeignKey = ({ endpoint, baseUrl }: Target): Attack => ({
  category: 'idempotency',
  name: 'another customer’s key',
  endpoint,
  expected: 'an own order; IDEMPOTENCY_KEY_REUSED for another basket',
  run: async (fixtures) => {
    const { victim, attacker, product } = fixtures
    const key = randomUUID()
    const order = (headers: Record<string, string>, quantity = 1) =>
      sendRest(baseUrl(fixtures), {
        method: 'POST',
        path: '/orders',
        body: { items: [{ productId: product, quantity }] },
        headers: { ...headers, 'idempotency-key': key },
      })
    const foreign = parseJson((await order(victim.headers)).text)
    const own = parseJson((await order(attacker.headers)).text)
    const otherBasket = await order(attacker.headers, 2)
    const isSeparate = own.userId === attacker.id && own.id !== foreign.id
    return {
      rejected: isSeparate && toVerdict(otherBasket, 'IDEMPOTENCY_KEY_REUSED').rejected,
      observed: isSeparate ? otherBasket.outcome : 'the other customer’s order',
    }
  },
})
