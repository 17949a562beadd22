import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { composeSupergraph, schemaOf } from './compose.ts'

it('is committed as composed from the subgraphs of today', () => {
  const committed = readFileSync(new URL('../supergraph.graphql', import.meta.url), 'utf8')
  expect(committed).toBe(composeSupergraph(schemaOf))
})

it('names everything that does not compose', () => {
  const spoilt = (service: string): string =>
    service === 'product'
      ? schemaOf(service).replaceAll('hasNextPage: Boolean!', 'hasNextPage: Int!')
      : schemaOf(service)
  expect(() => composeSupergraph(spoilt)).toThrow(/PageInfo\.hasNextPage/)
})
