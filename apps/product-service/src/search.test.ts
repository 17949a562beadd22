import { describe, expect, it } from 'vitest'
import { folded, nameKeyOf, wordsOf } from './search.ts'

it.each([
  ['Bœuf Séché', 'boeuf seche'],
  ['ÇA ET LÀ', 'ca et la'],
  ['cre\u0300me', 'creme'],
  ['Straße', 'strasse'],
  ['한국', '한국'],
])('%s and %s are the same', (text, same) => expect(folded(text)).toBe(same))

it('words are cut at whatever is neither letter nor digit, each once', () => {
  expect(wordsOf("L'huile d'olive, l'huile : 50 cl!")).toEqual(['l', 'huile', 'd', 'olive', '50', 'cl'])
  expect(wordsOf(' $ne .* ')).toEqual(['ne'])
  expect(wordsOf('')).toEqual([])
})

describe('what a name is sorted by', () => {
  it('are its words', () => expect(nameKeyOf("  L'Étoile   du Nord!")).toBe('l etoile du nord'))

  it('is short enough for a cursor, and cut between letters', () => {
    const key = nameKeyOf('𝒜'.repeat(200))
    expect(Array.from(key).length).toBe(100)
    expect(key.isWellFormed()).toBe(true)
  })
})
