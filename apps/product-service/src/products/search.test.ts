import { describe, expect, it } from 'vitest'
import { foldText, tokenize, toNameKey } from './search.ts'

describe('foldText', () => {
  it.each([
    ['Bœuf Séché', 'boeuf seche'],
    ['ÇA ET LÀ', 'ca et la'],
    ['cre\u0300me', 'creme'],
    ['Straße', 'strasse'],
    ['한국', '한국'],
  ])('folds %s to %s', (text, folded) => expect(foldText(text)).toBe(folded))
})

describe('tokenize', () => {
  it('splits at whatever is neither letter nor digit, and returns each word once', () => {
    expect(tokenize("L'huile d'olive, l'huile : 50 cl!")).toEqual(['l', 'huile', 'd', 'olive', '50', 'cl'])
    expect(tokenize(' $ne .* ')).toEqual(['ne'])
    expect(tokenize('')).toEqual([])
  })
})

describe('toNameKey', () => {
  it('returns the folded words of the name', () => expect(toNameKey("  L'Étoile   du Nord!")).toBe('l etoile du nord'))

  it('returns at most 100 characters, cut between characters', () => {
    const key = toNameKey('𝒜'.repeat(200))
    expect(Array.from(key).length).toBe(100)
    expect(key.isWellFormed()).toBe(true)
  })
})
