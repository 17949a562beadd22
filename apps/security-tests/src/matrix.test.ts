import { describe, expect, it } from 'vitest'
import { declaredDoors, supergraphFields } from './doors.ts'
import { declaredTable, gapsIn, table } from './table.ts'

const doors = declaredDoors()

describe('the table', () => {
  it('has every door that is declared, and no other', () => {
    expect(gapsIn(declaredTable, doors)).toEqual([])
  })

  it('has everything that the gateway lets be asked for', () => {
    const told = new Set(table.map(({ door }) => door))
    expect(supergraphFields().filter((field) => !told.has(field))).toEqual([])
  })

  it('misses a door that is new, and one that is gone', () => {
    const more = [...doors, { keeper: 'order', kind: 'rest', name: 'GET /orders/everyone' } as const]
    expect(gapsIn(declaredTable, more)).toHaveLength(2)
    expect(gapsIn(declaredTable, doors.slice(1))).toHaveLength(1)
  })
})
