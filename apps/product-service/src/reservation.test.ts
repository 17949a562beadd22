import { describe, expect, it } from 'vitest'
import { allot, summed } from './reservation.ts'

const line = (productId: string, quantity: number) => ({ productId, quantity })
const wish = (orderId: string, ...items: ReturnType<typeof line>[]) => ({ orderId, items })

it('lines of one product are one line', () => {
  expect(summed([line('a', 2), line('b', 1), line('a', 3)])).toEqual([line('a', 5), line('b', 1)])
})

describe('who gets what', () => {
  const shelf = new Map([
    ['a', 5],
    ['b', 2],
  ])

  it('goes by order of arrival, and what one takes the next cannot have', () => {
    const first = wish('1', line('a', 3))
    const { taken, refused } = allot([first, wish('2', line('a', 3))], shelf)
    expect(taken).toEqual([first])
    expect(refused).toEqual([
      { orderId: '2', outcome: 'refused', shortages: [{ productId: 'a', exists: true, available: 2 }] },
    ])
  })

  it('an order that is refused leaves all of its lines to the next', () => {
    const { taken } = allot([wish('1', line('a', 5), line('b', 3)), wish('2', line('a', 5))], shelf)
    expect(taken.map(({ orderId }) => orderId)).toEqual(['2'])
  })

  it('an order hears of each product that it cannot have, and of those alone', () => {
    const { refused } = allot([wish('1', line('a', 5), line('b', 3), line('c', 1))], shelf)
    expect(refused[0]!.shortages).toEqual([
      { productId: 'b', exists: true, available: 2 },
      { productId: 'c', exists: false, available: 0 },
    ])
  })

  it('does not touch the shelf that it was shown', () => {
    allot([wish('1', line('a', 5))], shelf)
    expect(shelf.get('a')).toBe(5)
  })
})
