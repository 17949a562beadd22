import { randomUUID } from 'node:crypto'
import { eventually } from '@halles/test-fixtures/wait'
import { attackGraphql, attackRest, graphqlTargets, restTargets, type Attack } from './attack.ts'
import { sendGraphql } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { bearer, createOrder, createProduct, createUser, randomPassword } from '../fixtures/users.ts'

const title = (name: string) => ({ category: 'content', name })

/** Image URLs that are not allowed: internal addresses, other schemes, markup, line breaks. */
const images = [
  'http://169.254.169.254/latest/meta-data/',
  'http://127.0.0.1:27017/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  '//evil.example/a.png',
  '/\\evil.example/a.png',
  'https://shop.example@evil.example/a.png',
  'gopher://127.0.0.1:25/',
  'https://evil.example/"><script>alert(1)</script>',
  ' https://evil.example/a.png',
  'https://evil.example/a\r\nSet-Cookie: x',
]

/** Names that would inject something into an e-mail header, a log or a terminal. */
const names: Record<string, string> = {
  'a header on a second line': 'Mallory\r\nBcc: everyone@example.test',
  'a line feed': 'Mallory\n{"level":60,"msg":"forged"}',
  'a NUL': 'Mallory\0',
  'an escape sequence': '\u001b[2J\u001b[31mMallory',
  'a Unicode line separator': 'Mallory\u2028Bcc: everyone@example.test',
  'a right-to-left override': 'Mallory \u202Eecila',
  'only spaces': '   ',
  '101 characters': 'M'.repeat(101),
}
/** E-mail addresses that would inject something into an e-mail header or an SMTP command. */
const addresses: Record<string, string> = {
  'a second address': 'a@example.test, b@example.test',
  'a header after it': 'a@example.test\r\nBcc: b@example.test',
  'a display name': 'Mallory <a@example.test>',
  'no domain': 'mallory',
  'an SMTP parameter': 'a@example.test> SIZE=1',
}

const productInput = (image: string) => ({ name: 'Brie', price: 4.5, category: 'Essais', image })
const registration = (fields: object) => ({
  name: 'Mallory',
  email: `${randomUUID()}@example.test`,
  password: randomPassword(),
  ...fields,
})

export const contentAttacks = (fixtures: AttackFixtures): Attack[] => [
  ...images.flatMap((image) => [
    ...attackRest(
      restTargets('product', fixtures),
      title(`an image at ${JSON.stringify(image)}`),
      ({ admin }) => ({ method: 'POST', path: '/products', body: productInput(image), headers: admin.headers }),
      'VALIDATION_FAILED',
    ),
    ...attackGraphql(
      graphqlTargets(fixtures, ['product']),
      title(`an image at ${JSON.stringify(image)}`),
      ({ admin }) => ({
        query: 'mutation ($input: ProductInput!) { createProduct(input: $input) { id } }',
        variables: { input: productInput(image) },
        headers: admin.headers,
      }),
      'VALIDATION_FAILED',
    ),
  ]),
  ...Object.entries(names).flatMap(([content, name]) => register(fixtures, `a name with ${content}`, { name })),
  ...Object.entries(addresses).flatMap(([content, email]) => [
    ...register(fixtures, `an e-mail address with ${content}`, { email }),
    ...changeEmail(fixtures, `a change to an e-mail address with ${content}`, email),
  ]),
  ...(fixtures.shop.mailbox === undefined ? [] : [injectMarkup]),
  injectEscapeSequences,
]

const register = (fixtures: AttackFixtures, name: string, fields: object): Attack[] => [
  ...attackRest(
    restTargets('auth', fixtures),
    title(name),
    () => ({ method: 'POST', path: '/register', body: registration(fields) }),
    'VALIDATION_FAILED',
  ),
  ...attackGraphql(
    graphqlTargets(fixtures, ['auth']),
    title(name),
    () => ({
      query: 'mutation ($input: RegisterInput!) { register(input: $input) { user { id } } }',
      variables: { input: registration(fields) },
    }),
    'VALIDATION_FAILED',
  ),
]

/** The new address gets an e-mail before its owner has confirmed it. */
const changeEmail = (fixtures: AttackFixtures, name: string, email: string): Attack[] => [
  ...attackRest(
    restTargets('auth', fixtures),
    title(name),
    ({ attacker }) => ({
      method: 'PUT',
      path: '/me/email',
      body: { email, password: attacker.password },
      headers: attacker.headers,
    }),
    'VALIDATION_FAILED',
  ),
  ...attackGraphql(
    graphqlTargets(fixtures, ['auth']),
    title(name),
    ({ attacker }) => ({
      query:
        'mutation ($email: String!, $password: String!) { requestEmailChange(email: $email, password: $password) }',
      variables: { email, password: attacker.password },
      headers: attacker.headers,
    }),
    'VALIDATION_FAILED',
  ),
]

/** Markup is allowed in a name; the HTML of an e-mail must escape it. */
const injectMarkup: Attack = {
  ...title('markup in the names of an e-mail'),
  endpoint: 'mailbox',
  expected: 'escaped in the e-mail',
  run: async ({ shop, admin }) => {
    const evil = '<img src=x onerror=alert(1)>'
    const customer = await createUser(shop, { name: `Eve ${evil}` })
    const { id: productId } = await createProduct(shop, admin, { name: `Brie ${evil}` })
    const { id } = await createOrder(shop, customer, productId)
    const email = await eventually(`an e-mail about ${id}`, async () => {
      const emails = (await (await fetch(`${shop.mailbox}/api/email`)).json()) as {
        html: string
        headers: Record<string, string>
      }[]
      return emails.find(({ headers }) => headers['x-order-id'] === id)
    })
    const escaped = email.html.split('&lt;img src=x').length - 1
    const isRaw = /<img src=x/.test(email.html)
    return { rejected: !isRaw && escaped >= 2, observed: isRaw ? 'as markup' : `escaped ${escaped} times` }
  },
}

/** Sends escape sequences wherever a log may contain them. log-leaks.ts looks for them afterwards. */
const injectEscapeSequences: Attack = {
  ...title('escape sequences for a log'),
  endpoint: 'gateway graphql',
  expected: 'UNAUTHENTICATED, and no escape sequence in a log',
  run: async ({ shop }) => {
    const evil = '\u001b[2J\n{"level":60,"forged":true}'
    const headers = { ...bearer(`x.${Buffer.from(evil).toString('base64url')}.y`), 'user-agent': 'evil \u00a0[2J' }
    const { outcome } = await sendGraphql(shop.gateway, { query: `{ me { id } } # ${evil}`, headers })
    return { rejected: outcome === 'UNAUTHENTICATED', observed: outcome }
  },
}
