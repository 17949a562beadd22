import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { composeSupergraph, readSubgraphSchema } from './compose.ts'

describe('composeSupergraph', () => {
  it('composes the committed supergraph.graphql from the current subgraph schemas', () => {
    const committed = readFileSync(new URL('../supergraph.graphql', import.meta.url), 'utf8')
    expect(committed).toBe(composeSupergraph(readSubgraphSchema))
  })

  it('throws an error that names what does not compose', () => {
    const readIncompatibleSchema = (service: string): string =>
      service === 'product'
        ? readSubgraphSchema(service).replaceAll('hasNextPage: Boolean!', 'hasNextPage: Int!')
        : readSubgraphSchema(service)
    expect(() => composeSupergraph(readIncompatibleSchema)).toThrow(/PageInfo\.hasNextPage/)
  })
})
