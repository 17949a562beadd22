import { statuses, type Status } from '@halles/contracts/order-events'
import { createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { toCents } from '@halles/validation/money'
import { describe, expect, it } from 'vitest'
import { checkTransition, createOrder, toOrderView, transitions } from './order.ts'

/** Result of each transition: y permitted, s same status, f FORBIDDEN, i INVALID_TRANSITION. Columns as `statuses`. */
const table: Record<'admin' | 'owner', Record<Status, string>> = {
  admin: { Reçue: 'syiiy', Confirmée: 'isyiy', Préparée: 'iisyy', Livrée: 'iiisi', Annulée: 'iiiis' },
  owner: { Reçue: 'ffffy', Confirmée: 'ffffy', Préparée: 'fffff', Livrée: 'ffffi', Annulée: 'ffffs' },
}
const outcome = { y: true, s: false, f: 'FORBIDDEN', i: 'INVALID_TRANSITION' } as Record<string, boolean | string>

const cases = (['admin', 'owner'] as const).flatMap((actor) =>
  statuses.flatMap((from) => statuses.map((to, i) => [actor, from, to, outcome[table[actor][from][i]!]!] as const)),
)

describe('checkTransition', () => {
  it.each(cases)('by the %s, from %s to %s, gives %s', (actor, from, to, expected) => {
    const principal = actor === 'admin' ? createAdmin() : createPrincipal()
    const check = () => checkTransition(principal, from, to)
    if (typeof expected === 'boolean') expect(check()).toBe(expected)
    else expect(check).toThrow(expect.objectContaining({ code: expected }))
  })

  it('has transitions for every status, and none from the final ones', () => {
    expect(Object.keys(transitions).toSorted()).toEqual([...statuses].toSorted())
    expect(Object.keys(transitions.Livrée)).toEqual([])
    expect(Object.keys(transitions.Annulée)).toEqual([])
  })
})

const customer = { id: 'u', name: 'Camille Martin', email: 'c@example.test', locale: 'fr' as const }
const at = new Date('2026-11-24T08:30:00Z')

describe('the total of createOrder', () => {
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
  ])('is exact to the cent: %j', (lines, cents) => {
    const items = lines.map((line) => ({ productId: 'p', name: 'Comté', ...line }))
    expect(toCents(createOrder({ _id: 'o', number: '7', customer, items, at }).total)).toBe(cents)
  })
})

describe('createOrder and toOrderView', () => {
  const items = [{ productId: 'p', name: 'Comté', quantity: 3, price: 0.1 }]
  const order = createOrder({ _id: 'o', number: '7', customer, items, at })

  it('create an order that is Reçue, with its first event unpublished', () => {
    expect(order).toMatchObject({ status: 'Reçue', total: 0.3, userId: 'u', seq: 1, createdAt: at })
    expect(order.statusHistory).toEqual([{ status: 'Reçue', timestamp: at, by: 'u' }])
    expect(order.unpublished).toEqual([{ seq: 1, type: 'order.created', at, previousStatus: null }])
  })

  it('show an order without its internal fields', () => {
    expect(toOrderView({ ...order, idempotency: { key: 'k' } } as never)).toEqual({
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

  it('show an order as it was after an earlier event', () => {
    const later = { ...order, status: 'Confirmée' as const }
    later.statusHistory = [...order.statusHistory, { status: 'Confirmée', timestamp: new Date(at.getTime() + 1) }]
    expect(toOrderView(later, 1)).toEqual(toOrderView(order))
    expect(toOrderView(later)).toMatchObject({ status: 'Confirmée' })
  })
})
