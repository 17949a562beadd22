import { statuses, type Status } from '@halles/contracts/order-events'
import { createAdmin, createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { consumeOrderEvents, type OrderEventsConsumer } from '../test/order-events.ts'
import { startOrderService, type OrderService } from '../test/start-order-service.ts'
import { startFakeProductService, type FakeProductService } from '../test/fake-product-service.ts'

let productService: FakeProductService
let service: OrderService
let consumer: OrderEventsConsumer
beforeAll(async () => {
  productService = await startFakeProductService()
  service = await startOrderService({
    mongodb: inject('mongodb'),
    kafka: inject('kafka'),
    product: productService.address,
  })
  consumer = await consumeOrderEvents(inject('kafka'))
})
afterAll(async () => {
  await Promise.all([service.close(), consumer.close()])
  productService.stop()
})

const admin = createAdmin()
const changeStatus = (principal: TestPrincipal | undefined, id: string, status: string) =>
  service.request(principal, 'PUT', `/orders/${id}/status`, { status })

const pathTo: Record<Status, Status[]> = {
  Reçue: [],
  Confirmée: ['Confirmée'],
  Préparée: ['Confirmée', 'Préparée'],
  Livrée: ['Confirmée', 'Préparée', 'Livrée'],
  Annulée: ['Annulée'],
}

/** Places an order and brings it to a status. */
async function createOrderWith(status: Status, quantity = 1) {
  const owner = createPrincipal()
  const product = productService.addProduct({ stock: 10 })
  const { id } = (await service.placeOrder(owner, [{ productId: product.id, quantity }])).json()
  for (const next of pathTo[status]) expect((await changeStatus(admin, id, next)).statusCode).toBe(200)
  return { id: id as string, owner, product }
}

/** By actor and status: the answer for each of `statuses`. o 200, f FORBIDDEN, i INVALID_TRANSITION, n NOT_FOUND. */
const table = {
  admin: { Reçue: 'ooiio', Confirmée: 'iooio', Préparée: 'iiooo', Livrée: 'iiioi', Annulée: 'iiiio' },
  owner: { Reçue: 'ffffo', Confirmée: 'ffffo', Préparée: 'fffff', Livrée: 'ffffi', Annulée: 'ffffo' },
  'other customer': { Reçue: 'nnnnn', Confirmée: 'nnnnn', Préparée: 'nnnnn', Livrée: 'nnnnn', Annulée: 'nnnnn' },
} satisfies Record<string, Record<Status, string>>
const answers = { o: 200, f: 'FORBIDDEN', i: 'INVALID_TRANSITION', n: 'NOT_FOUND' } as Record<string, number | string>

describe('PUT /orders/:id/status', () => {
  const actors = ['admin', 'owner', 'other customer'] as const
  it.each(actors.flatMap((actor) => statuses.map((from) => [actor, from] as const)))(
    'by the %s answers every new status of an order that is %s as the transitions say',
    async (actor, from) => {
      for (const [i, to] of statuses.entries()) {
        const { id, owner } = await createOrderWith(from)
        const principal = { admin, owner, 'other customer': createPrincipal() }[actor]
        const answer = await changeStatus(principal, id, to)
        const body = answer.json()
        expect([to, body.code ?? answer.statusCode]).toEqual([to, answers[table[actor][from][i]!]])
        const history = [statuses[0], ...pathTo[from]]
        if (answer.statusCode === 200 && to !== from) history.push(to)
        const stored = (await service.stored.findOne({ _id: id }))!
        expect(stored.statusHistory.map(({ status }) => status)).toEqual(history)
        expect(stored.seq).toBe(history.length)
      }
    },
  )

  it('publishes an event for each change, with the previous status, in sequence and without a gap', async () => {
    const { id } = await createOrderWith('Livrée')
    await eventually('four events are consumed', () => consumer.sequences(id).length === 4)
    expect(consumer.sequences(id)).toEqual([1, 2, 3, 4])
    const events = consumer.distinct(id)
    expect(events.map(({ type, data }) => [type, data.previousStatus, data.order.status])).toEqual([
      ['order.created', null, 'Reçue'],
      ['order.status-changed', 'Reçue', 'Confirmée'],
      ['order.status-changed', 'Confirmée', 'Préparée'],
      ['order.status-changed', 'Préparée', 'Livrée'],
    ])
    expect(events[2]!.data.order.statusHistory).toHaveLength(3)
  })

  it('changes nothing when the order has the status already', async () => {
    const { id } = await createOrderWith('Confirmée')
    const before = await service.stored.findOne({ _id: id }, { projection: { statusHistory: 1, seq: 1 } })
    const answer = await changeStatus(admin, id, 'Confirmée')
    expect(answer.statusCode).toBe(200)
    expect(answer.json().statusHistory).toHaveLength(2)
    expect(await service.stored.findOne({ _id: id }, { projection: { statusHistory: 1, seq: 1 } })).toEqual(before)
  })

  it('accepts a status in any Unicode normalization, and no other word', async () => {
    const { id } = await createOrderWith('Reçue')
    expect((await changeStatus(admin, id, 'Confirmée'.normalize('NFD'))).json()).toMatchObject({ status: 'Confirmée' })
    for (const word of ['confirmée', 'CONFIRMEE', 'Perdue', 'Pending', ''])
      expect((await changeStatus(admin, id, word)).json()).toMatchObject({ code: 'VALIDATION_FAILED' })
  })

  it('answers NOT_FOUND for an order that does not exist, whatever the id', async () => {
    for (const id of ['nothing', '%24ne', '%00', 'x'.repeat(300)])
      expect((await changeStatus(admin, id, 'Confirmée')).json()).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('answers UNAUTHENTICATED without an access token', async () => {
    const { id } = await createOrderWith('Reçue')
    expect((await changeStatus(undefined, id, 'nonsense')).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('concurrent status changes of one order', () => {
  it('all succeed when they are to the same status, and change it once', async () => {
    const { id } = await createOrderWith('Reçue')
    const all = await Promise.all(Array.from({ length: 10 }, () => changeStatus(createAdmin(), id, 'Confirmée')))
    expect(all.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 10 }, () => 200))
    expect((await service.stored.findOne({ _id: id }))!.statusHistory).toHaveLength(2)
    await eventually('two events are consumed', () => consumer.sequences(id).length === 2)
  })

  it('are decided one after the other: cancelled or delivered, and never both', async () => {
    for (let round = 0; round < 5; round++) {
      const { id, product } = await createOrderWith('Préparée', 4)
      const [cancelled, delivered] = await Promise.all([
        changeStatus(admin, id, 'Annulée'),
        changeStatus(createAdmin(), id, 'Livrée'),
      ])
      const codes = [cancelled, delivered].map((answer) => answer.json().code ?? answer.statusCode)
      expect(new Set(codes)).toEqual(new Set([200, 'INVALID_TRANSITION']))
      const { status } = (await service.stored.findOne({ _id: id }))!
      expect(status).toBe(cancelled.statusCode === 200 ? 'Annulée' : 'Livrée')
      await eventually('the stock is right', () => product.stock === (status === 'Annulée' ? 10 : 6))
    }
  })
})

describe('cancelling an order', () => {
  it('releases its stock, once', async () => {
    const { id, owner, product } = await createOrderWith('Confirmée', 4)
    expect(product.stock).toBe(6)
    await Promise.all(Array.from({ length: 5 }, () => changeStatus(owner, id, 'Annulée')))
    await eventually('the stock is released', () => product.stock === 10)
    await eventually('the release is recorded', () =>
      service.stored.findOne({ _id: id, releaseAttemptAt: { $exists: false } }),
    )
    expect(product.stock).toBe(10)
  })

  it('succeeds while product-service is down, and releases the stock later', async () => {
    const { id, owner, product } = await createOrderWith('Reçue', 4)
    let isDown = true
    productService.faults.before = (call) => {
      if (call === 'releaseStock' && isDown) throw new Error('down')
    }
    expect((await changeStatus(owner, id, 'Annulée')).json()).toMatchObject({ status: 'Annulée' })
    expect(product.stock).toBe(6)
    isDown = false
    await service.stored.updateOne({ _id: id }, { $set: { releaseAttemptAt: new Date() } }) // as if the lease had expired
    await eventually('the stock is released', () => product.stock === 10)
    delete productService.faults.before
  })
})

describe('the GraphQL mutation', () => {
  const change = 'mutation ($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { status } }'
  const cancel = 'mutation ($id: ID!) { cancelOrder(id: $id) { status statusHistory { status } } }'
  const errorCode = (answer: { errors?: { extensions: { code: string } }[] }) => answer.errors?.[0]?.extensions.code

  it('changeOrderStatus is for admins only', async () => {
    const { id, owner } = await createOrderWith('Reçue')
    const changeTo = (principal: TestPrincipal | undefined, status: string, order = id) =>
      service.graphql(principal, change, { id: order, status })
    expect(errorCode(await changeTo(owner, 'ANNULEE'))).toBe('FORBIDDEN')
    expect(errorCode(await changeTo(undefined, 'ANNULEE'))).toBe('UNAUTHENTICATED')
    expect(errorCode(await changeTo(createPrincipal(), 'CONFIRMEE'))).toBe('FORBIDDEN')
    expect((await changeTo(admin, 'CONFIRMEE')).data.changeOrderStatus).toEqual({ status: 'CONFIRMEE' })
    expect(errorCode(await changeTo(admin, 'LIVREE'))).toBe('INVALID_TRANSITION')
    expect(errorCode(await changeTo(admin, 'PREPAREE', 'nothing'))).toBe('NOT_FOUND')
  })

  it('cancelOrder is for the order’s customer and for admins, and NOT_FOUND for other customers', async () => {
    const { id, owner } = await createOrderWith('Confirmée')
    expect(errorCode(await service.graphql(createPrincipal(), cancel, { id }))).toBe('NOT_FOUND')
    expect(errorCode(await service.graphql(undefined, cancel, { id }))).toBe('UNAUTHENTICATED')
    expect((await service.graphql(owner, cancel, { id })).data.cancelOrder).toEqual({
      status: 'ANNULEE',
      statusHistory: [{ status: 'RECUE' }, { status: 'CONFIRMEE' }, { status: 'ANNULEE' }],
    })
    const prepared = await createOrderWith('Préparée')
    expect(errorCode(await service.graphql(prepared.owner, cancel, { id: prepared.id }))).toBe('FORBIDDEN')
    expect((await service.graphql(admin, cancel, { id: prepared.id })).data.cancelOrder.status).toBe('ANNULEE')
  })
})
