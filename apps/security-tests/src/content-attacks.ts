import { randomUUID } from 'node:crypto'
import { eventually } from '@halles/testkit/wait'
import { atGraphql, atRest, graphqlDoors, restDoors, type Attack } from './attack.ts'
import { askGraphql } from './ask.ts'
import type { Ground } from './ground.ts'
import { bearer, newOrder, newPassword, newPerson, newProduct } from './people.ts'

const about = (what: string) => ({ class: 'content', what })

/** Where no picture is. */
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

/** Names that would be more than a name in the header of a letter, or in a log. */
const names: Record<string, string> = {
  'a line and a header': 'Mallory\r\nBcc: everyone@example.test',
  'a line feed': 'Mallory\n{"level":60,"msg":"forged"}',
  'a NUL': 'Mallory\0',
  'an escape sequence': '\u001b[2J\u001b[31mMallory',
  'a separator of lines': 'Mallory\u2028Bcc: everyone@example.test',
  'letters that turn around': 'Mallory \u202Eecila',
  'nothing to see': '   ',
  'too much': 'M'.repeat(101),
}
const addresses: Record<string, string> = {
  'two of them': 'a@example.test, b@example.test',
  'a header after it': 'a@example.test\r\nBcc: b@example.test',
  'a name around it': 'Mallory <a@example.test>',
  'none of them': 'mallory',
  'an option for it': 'a@example.test> SIZE=1',
}

const product = (image: string) => ({ name: 'Brie', price: 4.5, category: 'Essais', image })
const newcomer = (more: object) => ({
  name: 'Mallory',
  email: `${randomUUID()}@example.test`,
  password: newPassword(),
  ...more,
})

export const contentAttacks = (ground: Ground): Attack[] => [
  ...images.flatMap((image) => [
    ...atRest(
      restDoors('product', ground),
      about(`a picture at ${JSON.stringify(image)}`),
      ({ admin }) => ({ method: 'POST', path: '/products', body: product(image), headers: admin.headers }),
      'VALIDATION_FAILED',
    ),
    ...atGraphql(
      graphqlDoors(ground, ['product']),
      about(`a picture at ${JSON.stringify(image)}`),
      ({ admin }) => ({
        query: 'mutation ($input: ProductInput!) { createProduct(input: $input) { id } }',
        variables: { input: product(image) },
        headers: admin.headers,
      }),
      'VALIDATION_FAILED',
    ),
  ]),
  ...Object.entries(names).flatMap(([what, name]) => registering(ground, `a name with ${what}`, { name })),
  ...Object.entries(addresses).flatMap(([what, email]) => [
    ...registering(ground, `an address with ${what}`, { email }),
    ...moving(ground, `another address, with ${what}`, email),
  ]),
  ...(ground.place.mailbox === undefined ? [] : [markup]),
  colours,
]

const registering = (ground: Ground, what: string, more: object): Attack[] => [
  ...atRest(
    restDoors('auth', ground),
    about(what),
    () => ({ method: 'POST', path: '/register', body: newcomer(more) }),
    'VALIDATION_FAILED',
  ),
  ...atGraphql(
    graphqlDoors(ground, ['auth']),
    about(what),
    () => ({
      query: 'mutation ($input: RegisterInput!) { register(input: $input) { user { id } } }',
      variables: { input: newcomer(more) },
    }),
    'VALIDATION_FAILED',
  ),
]

/** A letter goes there before anyone has said that the address is theirs. */
const moving = (ground: Ground, what: string, email: string): Attack[] => [
  ...atRest(
    restDoors('auth', ground),
    about(what),
    ({ mallory }) => ({
      method: 'PUT',
      path: '/me/email',
      body: { email, password: mallory.password },
      headers: mallory.headers,
    }),
    'VALIDATION_FAILED',
  ),
  ...atGraphql(
    graphqlDoors(ground, ['auth']),
    about(what),
    ({ mallory }) => ({
      query:
        'mutation ($email: String!, $password: String!) { requestEmailChange(email: $email, password: $password) }',
      variables: { email, password: mallory.password },
      headers: mallory.headers,
    }),
    'VALIDATION_FAILED',
  ),
]

/** Markup is a name like any other; in the letter it is text. */
const markup: Attack = {
  ...about('a script in the names of a letter'),
  door: 'mailbox',
  right: 'written as text in the letter',
  try: async ({ place, admin }) => {
    const evil = '<img src=x onerror=alert(1)>'
    const person = await newPerson(place, { name: `Eve ${evil}` })
    const { id: sold } = await newProduct(place, admin, { name: `Brie ${evil}` })
    const { id } = await newOrder(place, person, sold)
    const letter = await eventually(`a letter about ${id}`, async () => {
      const all = (await (await fetch(`${place.mailbox}/api/email`)).json()) as {
        html: string
        headers: Record<string, string>
      }[]
      return all.find(({ headers }) => headers['x-order-id'] === id)
    })
    const escaped = letter.html.split('&lt;img src=x').length - 1
    const raw = /<img src=x/.test(letter.html)
    return { refused: !raw && escaped >= 2, saw: raw ? 'as markup' : `as text, ${escaped} times` }
  },
}

/** What a terminal would obey is sent wherever the log may write it down; logs.ts looks for it. */
const colours: Attack = {
  ...about('escape sequences for the log'),
  door: 'gateway graphql',
  right: 'an answer, and no such byte in a log',
  try: async ({ place }) => {
    const evil = '\u001b[2J\n{"level":60,"forged":true}'
    const headers = { ...bearer(`x.${Buffer.from(evil).toString('base64url')}.y`), 'user-agent': 'evil \u00a0[2J' }
    const { outcome } = await askGraphql(place.gateway, { query: `{ me { id } } # ${evil}`, headers })
    return { refused: outcome === 'UNAUTHENTICATED', saw: outcome }
  },
}
