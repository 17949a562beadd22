import { describe, expect, it } from 'vitest'
import { toEmailKey, toSearchWords } from './user.ts'

describe('toEmailKey', () => {
  it.each([
    ['Camille@Example.TEST', 'camille@example.test'],
    ['ｃamille@example.test', 'camille@example.test'],
  ])('normalizes %s to %s', (email, key) => {
    expect(toEmailKey(email)).toBe(key)
  })

  it('keeps dots and tags, whose meaning only the mail provider knows', () => {
    expect(toEmailKey('c.martin+halles@example.test')).toBe('c.martin+halles@example.test')
  })
})

describe('toSearchWords', () => {
  it.each([
    ['Éloïse Lefèvre', ['eloise', 'lefevre']],
    ['E\u0301loi\u0308se', ['eloise']],
    ['Lœtitia Strauß-Ægir', ['loetitia', 'strauss', 'aegir']],
    ['c.martin+halles@example.test', ['c', 'martin', 'halles', 'example', 'test']],
    ["O'Neil O'Hara", ['o', 'neil', 'hara']],
    ['李 小龍', ['李', '小龍']],
    ['.*^$ ', []],
  ])('splits %s into %j', (text, words) => {
    expect(toSearchWords(text)).toEqual(words)
  })
})
