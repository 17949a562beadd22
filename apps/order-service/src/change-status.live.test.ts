import { statuses, type Status } from '@halles/contracts/order-events'
import { someAdmin, someone, type TestPerson } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { listenTo } from '../test/listener.ts'
import { startOrderService, type Running } from '../test/running.ts'
import { startShelf, type Shelf } from '../test/shelf.ts'

let shelf: Shelf
let shop: Running
let listener: Awaited<ReturnType<typeof listenTo>>
beforeAll(async () => {
  shelf = await startShelf()
  shop = await startOrderService({ mongodb: inject('mongodb'), kafka: inject('kafka'), product: shelf.address })
  listener = await listenTo(inject('kafka'))
})
afterAll(async () => {
  await Promise.all([shop.close(), listener.close()])
  shelf.stop()
})

const admin = someAdmin()
const put = (person: TestPerson | undefined, id: string, status: string) =>
  shop.request(person, 'PUT', `/orders/${id}/status`, { status })

const pathTo: Record<Status, Status[]> = {
  Reçue: [],
  Confirmée: ['Confirmée'],
  Préparée: ['Confirmée', 'Préparée'],
  Livrée: ['Confirmée', 'Préparée', 'Livrée'],
  Annulée: ['Annulée'],
}

/** An order that has got as far as a status. */
async function orderThatIs(status: Status, quantity = 1) {
  const owner = someone()
  const product = shelf.put({ stock: 10 })
  const { id } = (await shop.order(owner, [{ productId: product.id, quantity }])).json()
  for (const next of pathTo[status]) expect((await put(admin, id, next)).statusCode).toBe(200)
  return { id: id as string, owner, product }
}

/** By mover: what each status answers to each of `statuses`. 200, or a code: f FORBIDDEN, i INVALID_TRANSITION, n NOT_FOUND. */
const table = {
  admin: { Reçue: 'ooiio', Confirmée: 'iooio', Préparée: 'iiooo', Livrée: 'iiioi', Annulée: 'iiiio' },
  owner: { Reçue: 'ffffo', Confirmée: 'ffffo', Préparée: 'fffff', Livrée: 'ffffi', Annulée: 'ffffo' },
  stranger: { Reçue: 'nnnnn', Confirmée: 'nnnnn', Préparée: 'nnnnn', Livrée: 'nnnnn', Annulée: 'nnnnn' },
} satisfies Record<string, Record<Status, string>>
const answers = { o: 200, f: 'FORBIDDEN', i: 'INVALID_TRANSITION', n: 'NOT_FOUND' } as Record<string, number | string>

describe('a move', () => {
  const movers = ['admin', 'owner', 'stranger'] as const
  it.each(movers.flatMap((mover) => statuses.map((from) => [mover, from] as const)))(
    'by the %s of an order that is %s is answered by the table',
    async (mover, from) => {
      for (const [i, to] of statuses.entries()) {
        const { id, owner } = await orderThatIs(from)
        const person = { admin, owner, stranger: someone() }[mover]
        const answer = await put(person, id, to)
        const body = answer.json()
        expect([to, body.code ?? answer.statusCode]).toEqual([to, answers[table[mover][from][i]!]])
        const history = [statuses[0], ...pathTo[from]]
        if (answer.statusCode === 200 && to !== from) history.push(to)
        const stored = (await shop.stored.findOne({ _id: id }))!
        expect(stored.statusHistory.map(({ status }) => status)).toEqual(history)
        expect(stored.seq).toBe(history.length)
      }
    },
  )

  it('is told, with the status before, in order and without a gap', async () => {
    const { id } = await orderThatIs('Livrée')
    await eventually('four events', () => listener.sequences(id).length === 4)
    expect(listener.sequences(id)).toEqual([1, 2, 3, 4])
    const events = listener.once(id)
    expect(events.map(({ type, data }) => [type, data.previousStatus, data.order.status])).toEqual([
      ['order.created', null, 'Reçue'],
      ['order.status-changed', 'Reçue', 'Confirmée'],
      ['order.status-changed', 'Confirmée', 'Préparée'],
      ['order.status-changed', 'Préparée', 'Livrée'],
    ])
    expect(events[2]!.data.order.statusHistory).toHaveLength(3)
  })

  it('to where the order is already adds nothing', async () => {
    const { id } = await orderThatIs('Confirmée')
    const before = await shop.stored.findOne({ _id: id }, { projection: { statusHistory: 1, seq: 1 } })
    const answer = await put(admin, id, 'Confirmée')
    expect(answer.statusCode).toBe(200)
    expect(answer.json().statusHistory).toHaveLength(2)
    expect(await shop.stored.findOne({ _id: id }, { projection: { statusHistory: 1, seq: 1 } })).toEqual(before)
  })

  it('takes a status however it is typed, and no other word', async () => {
    const { id } = await orderThatIs('Reçue')
    expect((await put(admin, id, 'Confirmée'.normalize('NFD'))).json()).toMatchObject({ status: 'Confirmée' })
    for (const word of ['confirmée', 'CONFIRMEE', 'Perdue', 'Intent', ''])
      expect((await put(admin, id, word)).json()).toMatchObject({ code: 'VALIDATION_FAILED' })
  })

  it('of an order that there is not is NOT_FOUND, whatever the id', async () => {
    for (const id of ['nothing', '%24ne', '%00', 'x'.repeat(300)])
      expect((await put(admin, id, 'Confirmée')).json()).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('by no one is UNAUTHENTICATED', async () => {
    const { id } = await orderThatIs('Reçue')
    expect((await put(undefined, id, 'nonsense')).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('of two at once', () => {
  it('both are well when they want the same, and it happens once', async () => {
    const { id } = await orderThatIs('Reçue')
    const all = await Promise.all(Array.from({ length: 10 }, () => put(someAdmin(), id, 'Confirmée')))
    expect(all.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 10 }, () => 200))
    expect((await shop.stored.findOne({ _id: id }))!.statusHistory).toHaveLength(2)
    await eventually('two events', () => listener.sequences(id).length === 2)
  })

  it('the loser decides anew: cancelled or delivered, and never both', async () => {
    for (let round = 0; round < 5; round++) {
      const { id, product } = await orderThatIs('Préparée', 4)
      const [cancelled, delivered] = await Promise.all([put(admin, id, 'Annulée'), put(someAdmin(), id, 'Livrée')])
      const codes = [cancelled, delivered].map((answer) => answer.json().code ?? answer.statusCode)
      expect(new Set(codes)).toEqual(new Set([200, 'INVALID_TRANSITION']))
      const { status } = (await shop.stored.findOne({ _id: id }))!
      expect(status).toBe(cancelled.statusCode === 200 ? 'Annulée' : 'Livrée')
      await eventually('the stock is where it belongs', () => product.stock === (status === 'Annulée' ? 10 : 6))
    }
  })
})

describe('cancelling', () => {
  it('puts the stock back on sale, once', async () => {
    const { id, owner, product } = await orderThatIs('Confirmée', 4)
    expect(product.stock).toBe(6)
    await Promise.all(Array.from({ length: 5 }, () => put(owner, id, 'Annulée')))
    await eventually('it is back', () => product.stock === 10)
    await eventually('it is noted', () => shop.stored.findOne({ _id: id, releaseAt: { $exists: false } }))
    expect(product.stock).toBe(10)
  })

  it('does not wait for product-service', async () => {
    const { id, owner, product } = await orderThatIs('Reçue', 4)
    let away = true
    shelf.trouble.before = (call) => {
      if (call === 'releaseStock' && away) throw new Error('away')
    }
    expect((await put(owner, id, 'Annulée')).json()).toMatchObject({ status: 'Annulée' })
    expect(product.stock).toBe(6)
    away = false
    await shop.stored.updateOne({ _id: id }, { $set: { releaseAt: new Date() } }) // as if the lease had run out
    await eventually('it is back', () => product.stock === 10)
    delete shelf.trouble.before
  })
})

describe('by GraphQL', () => {
  const change = 'mutation ($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { status } }'
  const cancel = 'mutation ($id: ID!) { cancelOrder(id: $id) { status statusHistory { status } } }'
  const codeOf = (answer: { errors?: { extensions: { code: string } }[] }) => answer.errors?.[0]?.extensions.code

  it('admins change the status, and no one else', async () => {
    const { id, owner } = await orderThatIs('Reçue')
    const to = (person: TestPerson | undefined, status: string, order = id) =>
      shop.graphql(person, change, { id: order, status })
    expect(codeOf(await to(owner, 'ANNULEE'))).toBe('FORBIDDEN')
    expect(codeOf(await to(undefined, 'ANNULEE'))).toBe('UNAUTHENTICATED')
    expect(codeOf(await to(someone(), 'CONFIRMEE'))).toBe('FORBIDDEN')
    expect((await to(admin, 'CONFIRMEE')).data.changeOrderStatus).toEqual({ status: 'CONFIRMEE' })
    expect(codeOf(await to(admin, 'LIVREE'))).toBe('INVALID_TRANSITION')
    expect(codeOf(await to(admin, 'PREPAREE', 'nothing'))).toBe('NOT_FOUND')
  })

  it('the owner cancels, a stranger finds nothing', async () => {
    const { id, owner } = await orderThatIs('Confirmée')
    expect(codeOf(await shop.graphql(someone(), cancel, { id }))).toBe('NOT_FOUND')
    expect(codeOf(await shop.graphql(undefined, cancel, { id }))).toBe('UNAUTHENTICATED')
    expect((await shop.graphql(owner, cancel, { id })).data.cancelOrder).toEqual({
      status: 'ANNULEE',
      statusHistory: [{ status: 'RECUE' }, { status: 'CONFIRMEE' }, { status: 'ANNULEE' }],
    })
    const prepared = await orderThatIs('Préparée')
    expect(codeOf(await shop.graphql(prepared.owner, cancel, { id: prepared.id }))).toBe('FORBIDDEN')
    expect((await shop.graphql(admin, cancel, { id: prepared.id })).data.cancelOrder.status).toBe('ANNULEE')
  })
})
