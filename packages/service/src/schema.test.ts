import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { reader } from './schema.ts'

const read = reader(Type.Object({ text: Type.String({ maxLength: 100 }) }))
/** Marks that normalising has to put into another order: those above a letter come after those below. */
const marked = (above: number, below: number): string => `a${'\u0301'.repeat(above)}${'\u0316'.repeat(below)}`

describe('a letter with marks', () => {
  it('is taken in normal form, with as many as any language writes', () => {
    expect(read({ text: marked(1, 1) })).toEqual({ text: marked(1, 1).normalize('NFC') })
    expect(read({ text: marked(15, 15) })).toEqual({ text: marked(15, 15).normalize('NFC') })
  })

  it('is refused with more of them, wherever it stands', () => {
    for (const value of [{ text: marked(16, 15) }, { text: 'a', more: [{ b: marked(0, 31) }] }])
      expect(() => read(value)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }))
  })

  it('is refused before it is normalised, which would take minutes for as many as fit into a body', () => {
    const began = performance.now()
    expect(() => read({ text: marked(250_000, 250_000) })).toThrow(/marks/)
    // Many short ones are no way around it.
    expect(() => read({ text: marked(15, 15).repeat(16_000) })).toThrow(/does not fit/)
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})
