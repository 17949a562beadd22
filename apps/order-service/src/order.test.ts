import { statuses, type Status } from '@halles/contracts/order-events'
import { someAdmin, someone } from '@halles/testkit/people'
import { describe, expect, it } from 'vitest'
import { mayMove, moves, orderOf, orderView, totalCents } from './order.ts'

/** What becomes of each move: y done, s already there, f FORBIDDEN, i INVALID_TRANSITION. Columns as `statuses`. */
const table: Record<'admin' | 'owner', Record<Status, string>> = {
  admin: { Reçue: 'syiiy', Confirmée: 'isyiy', Préparée: 'iisyy', Livrée: 'iiisi', Annulée: 'iiiis' },
  owner: { Reçue: 'ffffy', Confirmée: 'ffffy', Préparée: 'fffff', Livrée: 'ffffi', Annulée: 'ffffs' },
}
const outcome = { y: true, s: false, f: 'FORBIDDEN', i: 'INVALID_TRANSITION' } as Record<string, boolean | string>

const cases = (['admin', 'owner'] as const).flatMap((mover) =>
  statuses.flatMap((from) => statuses.map((to, i) => [mover, from, to, outcome[table[mover][from][i]!]!] as const)),
)

describe('a move', () => {
  it.each(cases)('by the %s from %s to %s is %s', (mover, from, to, expected) => {
    const person = mover === 'admin' ? someAdmin() : someone()
    const move = () => mayMove(person, from, to)
    if (typeof expected === 'boolean') expect(move()).toBe(expected)
    else expect(move).toThrow(expect.objectContaining({ code: expected }))
  })

  it('leads from every status to known ones, and nowhere from the last ones', () => {
    expect(Object.keys(moves).toSorted()).toEqual([...statuses].toSorted())
    expect(Object.keys(moves.Livrée)).toEqual([])
    expect(Object.keys(moves.Annulée)).toEqual([])
  })
})

describe('a total', () => {
  it.each([
    [[{ price: 0.1, quantity: 3 }], 30],
    [
      [
        { price: 19.99, quantity: 2 },
        { price: 4.5, quantity: 3 },
      ],
      5348,
    ],
    [[{ price: 1.005, quantity: 1 }], 100],
    [Array.from({ length: 100 }, () => ({ price: 999999.99, quantity: 999 })), 9_989_999_900_100],
    [[], 0],
  ])('is exact in cents: %j', (lines, cents) => {
    expect(totalCents(lines)).toBe(cents)
  })
})

describe('an order', () => {
  const customer = { id: 'u', name: 'Camille Martin', email: 'c@example.test', locale: 'fr' as const }
  const at = new Date('2026-11-24T08:30:00Z')
  const items = [{ productId: 'p', name: 'Comté', quantity: 3, price: 0.1 }]
  const order = orderOf({ _id: 'o', number: '7', customer, items, at })

  it('begins as Reçue, with its first event still to tell', () => {
    expect(order).toMatchObject({ status: 'Reçue', total: 0.3, userId: 'u', seq: 1, createdAt: at })
    expect(order.unsent).toEqual([{ seq: 1, type: 'order.created', at, previousStatus: null }])
  })

  it('is shown without what is not for its customer', () => {
    expect(orderView({ ...order, idem: { key: 'k' } } as never)).toEqual({
      id: 'o',
      number: '7',
      userId: 'u',
      items,
      total: 0.3,
      status: 'Reçue',
      statusHistory: [{ status: 'Reçue', timestamp: at.toISOString() }],
      createdAt: at.toISOString(),
    })
  })

  it('can be shown as it was', () => {
    const later = { ...order, status: 'Confirmée' as const }
    later.statusHistory = [...order.statusHistory, { status: 'Confirmée', timestamp: new Date(at.getTime() + 1) }]
    expect(orderView(later, 1)).toEqual(orderView(order))
    expect(orderView(later)).toMatchObject({ status: 'Confirmée' })
  })
})
