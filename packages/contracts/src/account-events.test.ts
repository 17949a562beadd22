import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseAccountEvent } from './account-events.ts'

const folder = new URL('../examples/account-events/', import.meta.url)
const examplesIn = (url: URL): [name: string, text: string][] =>
  readdirSync(url)
    .filter((name) => name.endsWith('.json'))
    .map((name) => [name, readFileSync(new URL(name, url), 'utf8')])

describe('an account event', () => {
  it.each(examplesIn(folder))('is understood: %s', (_name, text) => {
    expect(parseAccountEvent(text)).toEqual(JSON.parse(text))
  })

  it.each(examplesIn(new URL('invalid/', folder)))('is refused, without a word of its content: %s', (_name, text) => {
    expect(() => parseAccountEvent(text)).toThrow(/^not an account event: /)
    expect(() => parseAccountEvent(text)).not.toThrow('Camille')
  })

  it('is refused when it is not JSON', () => {
    expect(() => parseAccountEvent('{"specversion"')).toThrow('not JSON')
  })
})
