import { describe, expect, it } from 'vitest'
import { allDoors, supergraphFields } from './doors.ts'
import { gapsIn, table } from './table.ts'

const doors = allDoors()

describe('the table', () => {
  it('has every door that there is, and no other', () => {
    expect(gapsIn(table, doors)).toEqual([])
  })

  it('has everything that the gateway lets be asked for', () => {
    const told = new Set(table.map(({ door }) => door))
    expect(supergraphFields().filter((field) => !told.has(field))).toEqual([])
  })

  it('misses a door that is new, and one that is gone', () => {
    const more = [...doors, { keeper: 'order', kind: 'rest', name: 'GET /orders/everyone' } as const]
    expect(gapsIn(table, more)).toHaveLength(2)
    expect(gapsIn(table, doors.slice(1))).toHaveLength(1)
  })
})
