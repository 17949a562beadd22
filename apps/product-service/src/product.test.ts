import { describe, expect, it } from 'vitest'
import { etagOf, isKnown, versionsIn } from './product.ts'

const version = { revision: 3, stock: 12 }

describe('an ETag', () => {
  it('names a version, and is read again', () => expect(versionsIn(etagOf(version))).toEqual([version]))

  it('in If-Match may be one of many; a weak one is none', () => {
    expect(versionsIn('"1-2" , W/"3-12","x"')).toEqual([{ revision: 1, stock: 2 }])
  })

  it('in If-Match may be any, or not there', () => {
    for (const header of [undefined, '*', ' * ']) expect(versionsIn(header)).toBeUndefined()
  })

  it('in If-Match that is none of ours names nothing', () => {
    for (const header of ['', '3-12', '"-1-2"', '"99999999999-1"', '"1-2-3"']) expect(versionsIn(header)).toEqual([])
  })

  it('in If-None-Match is compared weakly', () => {
    for (const header of ['"3-12"', 'W/"3-12"', '"a", "3-12"', '*']) expect(isKnown(header, version)).toBe(true)
    for (const header of [undefined, '', '"3-13"', '3-12']) expect(isKnown(header, version)).toBe(false)
  })
})
