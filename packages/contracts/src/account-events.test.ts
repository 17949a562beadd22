import { describe, expect, it } from 'vitest'
import { parseAccountEvent } from './account-events.ts'
import { readExamples } from './examples.ts'

describe('parseAccountEvent', () => {
  it.each(readExamples('account-events'))('parses %s', (_name, text) => {
    expect(parseAccountEvent(text)).toEqual(JSON.parse(text))
  })

  it.each(readExamples('account-events/invalid'))('rejects %s without quoting its content', (_name, text) => {
    expect(() => parseAccountEvent(text)).toThrow(/^not an account event: /)
    expect(() => parseAccountEvent(text)).not.toThrow('Camille')
  })

  it('rejects a text that is not JSON', () => {
    expect(() => parseAccountEvent('{"specversion"')).toThrow('not JSON')
  })
})
