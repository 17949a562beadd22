import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buildSchema } from 'graphql'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTestGateway, startFakeServices } from '../../test/fake-services.ts'
import { createOperationManifest } from './operation-manifest.ts'
import { toDocumentId } from './persisted-operations.ts'
import { createSupergraph } from './supergraph.ts'

/** Writes these texts to the files 0.graphql, 1.graphql, … of a new folder. */
function writeFiles(...texts: string[]): { folder: string; names: string[] } {
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

describe('createOperationManifest', () => {
  it('creates a manifest whose operations the gateway executes by id, and no others with PERSISTED_ONLY', async () => {
    const text = 'query Names { products(first: 2) { nodes { name } } }\n'
    const { folder, names } = writeFiles(text)
    const manifest = path.join(folder, 'manifest.json')
    const sdl = readFileSync(new URL('../../supergraph.graphql', import.meta.url), 'utf8')
    const supergraph = await createSupergraph(sdl, {} as never, () => {})
    writeFileSync(manifest, JSON.stringify(createOperationManifest(names, supergraph.schema)))
    await supergraph.close()
    const fakeServices = await startFakeServices()
    const gateway = await createTestGateway(fakeServices.urls, { PERSISTED_ONLY: 'true', OPERATIONS_FILE: manifest })
    const send = async (payload: object) => (await gateway.inject({ method: 'POST', url: '/graphql', payload })).json()
    expect(await send({ documentId: toDocumentId(text) })).toMatchObject({
      data: { products: { nodes: [{ name: 'Chaise' }, {}] } },
    })
    expect((await send({ query: text })).errors[0].extensions.code).toBe('OPERATION_NOT_ALLOWED')
    expect((await send({ documentId: toDocumentId('{ __typename }') })).errors[0].extensions.code).toBe(
      'PERSISTED_QUERY_NOT_FOUND',
    )
    await gateway.close()
    await fakeServices.close()
  })

  it.each([
    ['{ thing(', 'Syntax Error'],
    ['{ thng { id } }', 'Cannot query field "thng"'],
    ['query A { thing(id: 1) { id } } query B { thing(id: 2) { id } }', 'has 2 operations'],
    ['fragment F on Thing { id }', 'never used'],
    ['{ things(first: 6000) { id } }', 'costs 6000'],
    [`{ ${Array.from({ length: 21 }, () => 'things { id }').join(' ')} }`, '21 root fields'],
  ])('throws an error that names the file and the mistake in %s', (text, mistake) => {
    const { names } = writeFiles('{ thing(id: 1) { id } }', text)
    expect(() => createOperationManifest(names, schema)).toThrow(mistake)
    expect(() => createOperationManifest(names, schema)).toThrow('1.graphql')
  })
})
