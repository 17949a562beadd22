import { describe, expect, it } from 'vitest'
import { parseOrderEvent } from './order-events.ts'
import { readExamples } from './examples.ts'

describe('parseOrderEvent', () => {
  it.each(readExamples('order-events'))('parses %s', (_name, text) => {
    expect(parseOrderEvent(text)).toEqual(JSON.parse(text))
  })

  it.each(readExamples('order-events/invalid'))('rejects %s without quoting its content', (_name, text) => {
    expect(() => parseOrderEvent(text)).toThrow(/^not an order event: /)
    expect(() => parseOrderEvent(text)).not.toThrow('Camille')
  })

  it('rejects a text that is not JSON', () => {
    expect(() => parseOrderEvent('{"specversion"')).toThrow('not JSON')
  })
})
