import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buildSchema } from 'graphql'
import { describe, expect, it, onTestFinished } from 'vitest'
import { gatewayTo, smallShop } from '../test/small-services.ts'
import { documentIdOf } from './operations.ts'
import { operationsIn } from './persist.ts'
import { supergraphOf } from './supergraph.ts'

/** Files with these texts, and where they are. */
function files(...texts: string[]): { folder: string; names: string[] } {
  const folder = mkdtempSync(path.join(tmpdir(), 'halles-operations-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const names = texts.map((text, n) => {
    const name = path.join(folder, `${n}.graphql`)
    writeFileSync(name, text)
    return name
  })
  return { folder, names }
}

const schema = buildSchema(
  'type Query { thing(id: ID!): Thing  things(first: Int = 20): [Thing!]! } type Thing { id: ID! }',
)

describe('the list of what clients ask', () => {
  it('is made of their documents, and the gateway answers what is on it by its id, and nothing else', async () => {
    const text = 'query Names { products(first: 2) { nodes { name } } }\n'
    const { folder, names } = files(text)
    const list = path.join(folder, 'list.json')
    const sdl = readFileSync(new URL('../supergraph.graphql', import.meta.url), 'utf8')
    const supergraph = await supergraphOf(sdl, {} as never, () => {})
    writeFileSync(list, JSON.stringify(operationsIn(names, supergraph.schema)))
    await supergraph.close()
    const shop = await smallShop()
    const gateway = await gatewayTo(shop.urls, { PERSISTED_ONLY: 'true', OPERATIONS_FILE: list })
    const ask = async (payload: object) => (await gateway.inject({ method: 'POST', url: '/graphql', payload })).json()
    expect(await ask({ documentId: documentIdOf(text) })).toMatchObject({
      data: { products: { nodes: [{ name: 'Chaise' }, {}] } },
    })
    expect((await ask({ query: text })).errors[0].extensions.code).toBe('OPERATION_NOT_ALLOWED')
    expect((await ask({ documentId: documentIdOf('{ __typename }') })).errors[0].extensions.code).toBe(
      'PERSISTED_QUERY_NOT_FOUND',
    )
    await gateway.close()
    await shop.close()
  })

  it.each([
    ['{ thing(', 'Syntax Error'],
    ['{ thng { id } }', 'Cannot query field "thng"'],
    ['query A { thing(id: 1) { id } } query B { thing(id: 2) { id } }', 'has 2 operations'],
    ['fragment F on Thing { id }', 'never used'],
    ['{ things(first: 6000) { id } }', 'costs 6000'],
    [`{ ${Array.from({ length: 21 }, () => 'things { id }').join(' ')} }`, '21 root fields'],
  ])('cannot be made with %s: the file is named, and why', (text, why) => {
    const { names } = files('{ thing(id: 1) { id } }', text)
    expect(() => operationsIn(names, schema)).toThrow(why)
    expect(() => operationsIn(names, schema)).toThrow('1.graphql')
  })
})
