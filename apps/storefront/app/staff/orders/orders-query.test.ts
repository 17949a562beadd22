import { describe, expect, it } from 'vitest'
import { readFilter, readNumber, statuses, stepAfter } from './orders-query.ts'

describe('the filter of the list of orders', () => {
  it.each([
    ['123', '123'],
    ['#123', '123'],
    ['n° 123', '123'],
    ['N°123', '123'],
    ['no. 123', '123'],
    ['camille', undefined],
    ['75011', '75011'],
    ['camille 75', undefined],
    ['', undefined],
  ])('reads the order number of %j', (q, number) => {
    expect(readNumber(q)).toBe(number)
  })

  it('ignores what is not valid in the URL', () => {
    const params = new URLSearchParams('q=%20a%20&status=LOST&from=2026-13-01&to=2026-02-01&overdue=1')
    expect(readFilter(params)).toEqual({
      q: 'a',
      status: undefined,
      from: '',
      to: '2026-02-01',
      overdue: false,
      after: null,
    })
  })

  it('knows the next step of every open order', () => {
    expect(statuses.map(stepAfter)).toEqual(['CONFIRMEE', 'PREPAREE', 'LIVREE', undefined, undefined])
  })
})
