import { GraphQLError, parse, print } from 'graphql'
import { describe, expect, it } from 'vitest'
import { parseWithinLimits } from './limited-parser.ts'

const limits = { tokens: 60, depth: 4, introspectionDepth: 6, fields: 8, rootFields: 3, aliases: 2 }

describe('parseWithinLimits', () => {
  it.each([
    '{ a b c }',
    'query Q($n: Int = 1) { a: x(first: $n, in: [1 2]) @skip(if: false) { b ... on T { c } ...F } } fragment F on T { d }',
    'mutation { a(input: {text: """block"""}) { id } } # comment',
  ])('parses %s like graphql-js', (text) => {
    const document = parseWithinLimits(text, limits)
    expect(print(document)).toBe(print(parse(text)))
    expect(document.tokenCount).toBe(parse(text).tokenCount)
    expect(document.loc?.source.body).toBe(text)
  })

  it.each([
    [`{ ${'a '.repeat(7)} }`, 'far too many root fields: 3 are allowed'],
    [`{ o { ${'a '.repeat(16)} } }`, 'far too many fields: 8 are allowed'],
    ['{ o { a: x b: x c: x d: x e: x } }', 'far too many aliases: 2 are allowed'],
  ])('stops at %s', (text, message) => {
    // What follows would be a syntax error: it is not read.
    expect(() => parseWithinLimits(text.replace(/ }( })?$/, ' !!!'), limits)).toThrow(message)
  })

  it('counts in each definition: twice the limit is left to the exact check', () => {
    const text = '{ a b c d e f } query B { a b c d e f } fragment F on T { a b c d e f g h }'
    expect(() => parseWithinLimits(text, limits)).not.toThrow()
  })

  it.each([
    ['too many tokens', `{ a(x: [${'1 '.repeat(60)}]) }`, /more th\w+ 60 tokens/],
    ['too many comments', `{ a } ${'#\n'.repeat(61)}`, /more than 60 comments/],
    ['a syntax error', '{ a( }', /Syntax Error/],
  ])('throws a GraphQLError for %s', (_case, text, message) => {
    expect(() => parseWithinLimits(text, limits)).toThrow(GraphQLError)
    expect(() => parseWithinLimits(text, limits)).toThrow(message)
  })

  it('leaves no links between the tokens of a document', () => {
    const { loc } = parseWithinLimits('{ a b c }', limits)
    expect([loc?.startToken.next, loc?.endToken.prev]).toEqual([null, null])
  })
})
