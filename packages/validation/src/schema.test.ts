import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { createParser } from './schema.ts'

const parse = createParser(Type.Object({ text: Type.String({ maxLength: 100 }) }))
/** A letter with combining marks that NFC has to reorder: marks above come after marks below. */
const letterWithMarks = (above: number, below: number): string => `a${'\u0301'.repeat(above)}${'\u0316'.repeat(below)}`

describe('createParser', () => {
  it('normalizes text with up to 30 combining marks on a letter', () => {
    expect(parse({ text: letterWithMarks(1, 1) })).toEqual({ text: letterWithMarks(1, 1).normalize('NFC') })
    expect(parse({ text: letterWithMarks(15, 15) })).toEqual({ text: letterWithMarks(15, 15).normalize('NFC') })
  })

  it('rejects more than 30 combining marks, at any depth', () => {
    for (const value of [{ text: letterWithMarks(16, 15) }, { text: 'a', more: [{ b: letterWithMarks(0, 31) }] }])
      expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }))
  })

  it('rejects too many combining marks before normalizing them, which would take minutes', () => {
    const began = performance.now()
    expect(() => parse({ text: letterWithMarks(250_000, 250_000) })).toThrow(/marks/)
    // Many letters with 30 marks each are cheap to normalize.
    expect(() => parse({ text: letterWithMarks(15, 15).repeat(16_000) })).toThrow(/does not fit/)
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})
