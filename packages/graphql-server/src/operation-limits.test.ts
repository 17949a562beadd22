import { buildSchema, parse } from 'graphql'
import { describe, expect, it } from 'vitest'
import { checkLimits, operationCosts } from './operation-limits.ts'

const limits = { depth: 4, introspectionDepth: 6, fields: 20, rootFields: 3, aliases: 4 }
const limitError = (text: string) => checkLimits(parse(text), limits)?.message

describe('the document limit check', () => {
  it.each([
    ['{ a { b { c { d } } } }', undefined],
    ['{ a { b { c { d { e } } } } }', '5 levels of fields: 4 are allowed'],
    ['{ a { b { ...F } } } fragment F on T { c { ... { d { e } } } }', '5 levels of fields'],
    ['{ __schema { a { b { c { d { e } } } } } }', undefined],
    ['{ __schema { a { b { c { d { e { f } } } } } } }', '7 levels of introspection: 6'],
    ['{ a b c }', undefined],
    ['{ a b c d }', '4 root fields: 3 are allowed'],
    ['{ a ...F } fragment F on T { b c d }', '4 root fields'],
    ['fragment F on T { a b c d }', undefined],
    ['{ o { a: x b: x c: x d: x } }', undefined],
    ['{ o { a: x b: x ...F } } fragment F on T { c: x d: x e: x }', '5 aliases: 4 are allowed'],
    [`{ o { ${'x '.repeat(20)} } }`, '21 fields: 20 are allowed'],
    ['query A { a } query B { a b c d }', '4 root fields'],
  ])('answers %s with %s', (text, message) => {
    if (message === undefined) expect(limitError(text)).toBeUndefined()
    else expect(limitError(text)).toContain(message)
  })

  it('takes linear time for fragments that double at each of forty levels', () => {
    const doubles = Array.from(
      { length: 40 },
      (_, n) => `fragment F${n} on T { a { ...F${n + 1} } b { ...F${n + 1} } }`,
    )
    const text = `{ o { ...F0 } } ${doubles.join(' ')} fragment F40 on T { x }`
    const began = performance.now()
    expect(limitError(text)).toBeDefined()
    expect(checkLimits(parse(text), { ...limits, depth: 100 })!.message).toContain('far too many fields: 20')
    expect(performance.now() - began).toBeLessThan(10_000) // visiting each of the 2^40 spreads would not end
  })

  it('ends on fragment cycles, which validation rejects', () => {
    expect(limitError('{ ...A } fragment A on T { x { ...B } } fragment B on T { y { ...A } }')).toBeUndefined()
  })
})

describe('operationCosts', () => {
  const schema = buildSchema(`
    type Query { me: User  product(id: ID!): Product  products(first: Int = 20): Page!  all(first: Int): [Product!]!  node: Node }
    type Mutation { add(id: ID!): Product }
    interface Node { id: ID!  parts: [Product!]! }
    type User implements Node { id: ID!  parts: [Product!]!  products(first: Int = 20): Page }
    type Page { nodes: [Product!]!  edges: [Edge!]!  info: Info!  total: Int! }
    type Edge { node: Product! }
    type Info { more: Boolean! }
    type Product { id: ID!  tags: [String!]!  parts: [Product!]!  owner: User }
  `)
  const cost = (text: string, variables?: Record<string, unknown>, name?: string) =>
    operationCosts(schema, parse(text), { unpaged: 5, mutation: 10 }).get(name)!(variables)

  it.each<[string, Record<string, unknown> | undefined, number]>([
    ['{ __typename }', undefined, 0],
    ['{ __schema { types { name fields { name } } } }', undefined, 0],
    ['{ product(id: 1) { id tags } }', undefined, 1],
    ['{ product(id: 1) { parts { id } } }', undefined, 1 + 5],
    ['{ products { total } }', undefined, 1],
    ['{ products { nodes { id } } }', undefined, 1 + 20],
    ['{ products(first: 3) { nodes { owner { id } } info { more } } }', undefined, 1 + 3 * 2 + 1],
    ['{ products(first: 3) { edges { node { parts { id } } } } }', undefined, 1 + 3 * (1 + 1 + 5)],
    ['{ all(first: 4) { parts { id } } }', undefined, 4 * (1 + 5)],
    ['{ all { id } }', undefined, 5],
    ['query ($n: Int) { products(first: $n) { nodes { id } } }', { n: 7 }, 1 + 7],
    ['query ($n: Int) { products(first: $n) { nodes { id } } }', {}, 1 + 20],
    ['query ($n: Int = 2) { products(first: $n) { nodes { id } } }', {}, 1 + 2],
    ['query ($n: Int = 2) { products(first: $n) { nodes { id } } }', { n: 9 }, 1 + 9],
    [
      '{ products(first: 3) { ...P } } fragment P on Page { nodes { ...Q } } fragment Q on Product { id owner { id } }',
      undefined,
      1 + 3 * 2,
    ],
    ['{ me { ... on User { parts { id } } ... on Node { parts { id } } } }', undefined, 1 + 5 + 5],
    [
      '{ me { products(first: 10) { nodes { owner { products(first: 10) { nodes { id } } } } } } }',
      undefined,
      1 + 1 + 10 * (1 + 1 + 1 + 10),
    ],
    ['mutation { a: add(id: 1) { id } b: add(id: 2) { id } }', undefined, 2 * 10 + 2],
  ])('computes for %s with variables %j: %i', (text, variables, expected) => {
    expect(cost(text, variables)).toBe(expected)
  })

  it('computes the cost of the selected operation only', () => {
    const text = 'query A { me { id } } query B { all(first: 3) { id } }'
    expect([cost(text, {}, 'A'), cost(text, {}, 'B')]).toEqual([1, 3])
  })

  // A list rejects a length of 0, but only after its fields were planned.
  it('uses the default length for a length of 0, a negative one, or one of another type', () => {
    for (const n of [0, -5, '3', null, Number.NaN])
      expect(cost('query ($n: Int) { products(first: $n) { nodes { id } } }', { n })).toBe(1 + 20)
    expect(cost('{ products(first: 0) { nodes { id } } }')).toBe(1 + 20)
  })
})
