import { describe, expect, it } from 'vitest'
import { toEmailKey, toSearchWords } from './user.ts'

describe('an address is compared', () => {
  it.each([
    ['Camille@Example.TEST', 'camille@example.test'],
    ['ｃamille@example.test', 'camille@example.test'],
  ])('%s as %s', (typed, key) => {
    expect(toEmailKey(typed)).toBe(key)
  })

  it('with its dots and tags, which only its provider understands', () => {
    expect(toEmailKey('c.martin+halles@example.test')).toBe('c.martin+halles@example.test')
  })
})

describe('words are searched', () => {
  it.each([
    ['Éloïse Lefèvre', ['eloise', 'lefevre']],
    ['E\u0301loi\u0308se', ['eloise']],
    ['Lœtitia Strauß-Ægir', ['loetitia', 'strauss', 'aegir']],
    ['c.martin+halles@example.test', ['c', 'martin', 'halles', 'example', 'test']],
    ["O'Neil O'Hara", ['o', 'neil', 'hara']],
    ['李 小龍', ['李', '小龍']],
    ['.*^$ ', []],
  ])('%s as %j', (text, words) => {
    expect(toSearchWords(text)).toEqual(words)
  })
})
