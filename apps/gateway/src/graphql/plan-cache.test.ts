import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { QueryPlan } from '@apollo/query-planner'
import { describe, expect, it } from 'vitest'
import { createPlanCache } from './plan-cache.ts'

/** Creates a plan of 40 fetches, each with the entities that it requires: what ten aliases of three joins take. */
const createPlan = (n: number): QueryPlan => ({
  kind: 'QueryPlan',
  node: {
    kind: 'Parallel',
    nodes: Array.from({ length: 40 }, (_, i) => ({
      kind: 'Flatten' as const,
      path: [`a${n}x${i}`, 'items', '@', 'product'],
      node: {
        kind: 'Fetch' as const,
        serviceName: 'product',
        operation: `query Q${n}_${i}($representations:[_Any!]!){_entities(representations:$representations){...on Product{name price stock}}}`,
        operationName: `Q${n}_${i}`,
        operationKind: 'query' as never,
        variableUsages: [],
        requires: [
          {
            kind: 'InlineFragment' as const,
            typeCondition: 'Product',
            selections: [
              { kind: 'Field' as const, name: '__typename' },
              { kind: 'Field' as const, name: 'id' },
            ],
          },
        ],
      },
    })),
  },
})

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}

describe('plan cache', () => {
  it('returns what was planned, and reports each lookup', async () => {
    const lookups: boolean[] = []
    const cache = createPlanCache((hit) => lookups.push(hit))
    expect(await cache.get('{ products { totalCount } }')).toBeUndefined()
    await cache.set('{ products { totalCount } }', createPlan(1))
    expect(await cache.get('{ products { totalCount } }')).toEqual(createPlan(1))
    expect(lookups).toEqual([false, true])
  })

  it('holds less than 32 MB after 3,000 large plans of small documents', async () => {
    const cache = createPlanCache(() => {})
    const before = heapAfterCollection()
    for (let n = 0; n < 3000; n++) await cache.set(`query Q${n} { product { name } }`, createPlan(n))
    expect((heapAfterCollection() - before) / 1e6).toBeLessThan(32)
    expect(await cache.get('query Q2999 { product { name } }')).toBeDefined()
  })
})
