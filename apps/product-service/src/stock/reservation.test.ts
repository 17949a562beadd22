import { describe, expect, it } from 'vitest'
import { allocateStock, sumLines } from './reservation.ts'

const line = (productId: string, quantity: number) => ({ productId, quantity })
const request = (orderId: string, ...items: ReturnType<typeof line>[]) => ({ orderId, items })

describe('sumLines', () => {
  it('adds up the lines of one product', () => {
    expect(sumLines([line('a', 2), line('b', 1), line('a', 3)])).toEqual([line('a', 5), line('b', 1)])
  })
})

describe('allocateStock', () => {
  const stock = new Map([
    ['a', 5],
    ['b', 2],
  ])

  it('serves orders in order of arrival, and offers the next what the first has left', () => {
    const first = request('1', line('a', 3))
    const { accepted, refused } = allocateStock([first, request('2', line('a', 3))], stock)
    expect(accepted).toEqual([first])
    expect(refused).toEqual([
      { orderId: '2', outcome: 'refused', shortages: [{ productId: 'a', exists: true, available: 2 }] },
    ])
  })

  it('leaves all lines of a refused order to the next', () => {
    const { accepted } = allocateStock([request('1', line('a', 5), line('b', 3)), request('2', line('a', 5))], stock)
    expect(accepted.map(({ orderId }) => orderId)).toEqual(['2'])
  })

  it('names each product that is short, and no other', () => {
    const { refused } = allocateStock([request('1', line('a', 5), line('b', 3), line('c', 1))], stock)
    expect(refused[0]!.shortages).toEqual([
      { productId: 'b', exists: true, available: 2 },
      { productId: 'c', exists: false, available: 0 },
    ])
  })

  it('does not change the stock that it is given', () => {
    allocateStock([request('1', line('a', 5))], stock)
    expect(stock.get('a')).toBe(5)
  })
})
