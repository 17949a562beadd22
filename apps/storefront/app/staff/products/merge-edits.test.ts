import { describe, expect, it } from 'vitest'
import { mergeEdits } from './merge-edits.ts'

const base = { name: 'Brie', category: 'Fromagerie', price: '9.05', description: 'De Meaux.' }

describe('mergeEdits', () => {
  it('takes what only one of two people has changed', () => {
    const merge = mergeEdits(base, { ...base, name: 'Brie fermier' }, { ...base, price: '9.50' })
    expect(merge).toEqual({ merged: { ...base, name: 'Brie fermier', price: '9.50' }, taken: ['price'], conflicts: [] })
  })

  it('keeps mine of what both have changed, and lists it', () => {
    const merge = mergeEdits(base, { ...base, price: '9.90' }, { ...base, price: '8.00', description: '' })
    expect(merge).toEqual({
      merged: { ...base, price: '9.90', description: '' },
      taken: ['description'],
      conflicts: [{ field: 'price', mine: '9.90', theirs: '8.00' }],
    })
  })

  it('lists nothing where both have made the same change', () => {
    const same = { ...base, name: 'Brie fermier' }
    expect(mergeEdits(base, same, same)).toEqual({ merged: same, taken: [], conflicts: [] })
  })
})
