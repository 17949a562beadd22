import { describe, expect, it } from 'vitest'
import { listDeclaredEndpoints, listSupergraphFields } from '../endpoints/endpoints.ts'
import { authorizationMatrix, declaredRows, findGaps } from './authorization-matrix.ts'

const endpoints = listDeclaredEndpoints()

describe('the authorization matrix', () => {
  it('has rows for exactly the endpoints that the services declare', () => {
    expect(findGaps(declaredRows, endpoints)).toEqual([])
  })

  it('has rows for every root field of the supergraph', () => {
    const covered = new Set(authorizationMatrix.map(({ endpoint }) => endpoint))
    expect(listSupergraphFields().filter((field) => !covered.has(field))).toEqual([])
  })

  it('has gaps when an endpoint is added or removed', () => {
    const added = [...endpoints, { server: 'order', kind: 'rest', name: 'GET /orders/everyone' } as const]
    expect(findGaps(declaredRows, added)).toHaveLength(2)
    expect(findGaps(declaredRows, endpoints.slice(1))).toHaveLength(1)
  })
})
