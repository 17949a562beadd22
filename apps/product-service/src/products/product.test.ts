import { describe, expect, it } from 'vitest'
import { matchesTag, parseIfMatch, toEtag } from './product.ts'

const version = { revision: 3, stock: 12 }

describe('parseIfMatch', () => {
  it('returns the version that toEtag has written', () => expect(parseIfMatch(toEtag(version))).toEqual([version]))

  it('returns every version of a list, without weak tags', () => {
    expect(parseIfMatch('"1-2" , W/"3-12","x"')).toEqual([{ revision: 1, stock: 2 }])
  })

  it('returns undefined for "*" and for an absent header', () => {
    for (const header of [undefined, '*', ' * ']) expect(parseIfMatch(header)).toBeUndefined()
  })

  it('returns no version for foreign tags', () => {
    for (const header of ['', '3-12', '"-1-2"', '"99999999999-1"', '"1-2-3"']) expect(parseIfMatch(header)).toEqual([])
  })
})

describe('matchesTag', () => {
  it('compares tags weakly', () => {
    for (const header of ['"3-12"', 'W/"3-12"', '"a", "3-12"', '*'])
      expect(matchesTag(header, toEtag(version))).toBe(true)
    for (const header of [undefined, '', '"3-13"', '3-12']) expect(matchesTag(header, toEtag(version))).toBe(false)
  })
})
