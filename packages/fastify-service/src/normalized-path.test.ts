import { expect, it } from 'vitest'
import { isNormalizedPath } from './normalized-path.ts'

it.each([
  '/',
  '/products/0190-a?q=../x//y\\z%2f',
  '/.well-known/jwks.json',
  '/images/chaise.svg',
  '/images/a..b.svg',
  '/products/%C3%A9t%C3%A9',
  '/products/a...',
  '/docs/',
  '/products/%252e%252e',
])('isNormalizedPath accepts %s', (url) => expect(isNormalizedPath(url)).toBe(true))

it.each([
  '*',
  '',
  'products',
  '//products',
  '/products//x',
  '/products/../users',
  '/products/..',
  '/products/.',
  '/./products',
  '/products/.%2e/users',
  '/products/%2E%2e/users',
  '/products/%2e%2e',
  '/products/..;/users',
  '/products/..%2fusers',
  '/products%2Fx',
  '/products/..\\users',
  '/products/%5c..%5Cusers',
  '/products/..?a=b',
  '/products/..#a',
  '/products/...',
  '/products/..a',
  '/products/a../b',
  '/products/.;a/b',
])('isNormalizedPath rejects %s', (url) => expect(isNormalizedPath(url)).toBe(false))
