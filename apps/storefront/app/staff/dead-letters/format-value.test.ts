import { describe, expect, it } from 'vitest'
import { formatValue } from './format-value.ts'

describe('formatValue', () => {
  it('indents JSON', () => {
    expect(formatValue('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}')
  })

  it.each(['not json', '', '{"a":', `[${'1,'.repeat(60_000)}1]`])(
    'leaves other text and large values as they are',
    (text) => {
      expect(formatValue(text)).toBe(text)
    },
  )
})
