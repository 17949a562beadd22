import { newId } from '@halles/service/ids'
import { someAdmin, someone, type TestPerson } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startOrderService, type Running } from '../test/running.ts'
import { startShelf, type Shelf } from '../test/shelf.ts'
import { orderOf } from './order.ts'

let shelf: Shelf
let shop: Running
beforeAll(async () => {
  shelf = await startShelf()
  shop = await startOrderService({ mongodb: inject('mongodb'), kafka: inject('kafka'), product: shelf.address })
})
afterAll(async () => {
  await shop.close()
  shelf.stop()
})

const admin = someAdmin()
const get = async (person: TestPerson | undefined, url: string) => (await shop.request(person, 'GET', url)).json()

async function place(person: TestPerson): Promise<string> {
  return (await shop.order(person, [{ productId: shelf.put().id, quantity: 1 }])).json().id
}

/** Someone with so many orders, oldest first. */
async function customerWith(count: number) {
  const person = someone()
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push(await place(person))
  return { person, ids }
}

/** What a crash may leave in between: no one may ever see it. */
async function leaveIntents(userId: string) {
  const order = (await shop.stored.findOne({ userId }))!
  for (const status of ['Intent', 'Undoing'] as const)
    await shop.stored.insertOne({ ...order, _id: `${order._id}-${status}`, status, sweepAt: new Date(8e15) })
}

describe('one order', () => {
  it('is for who placed it and for admins, and for no one else', async () => {
    const { person, ids } = await customerWith(1)
    const url = `/orders/${person.id}/${ids[0]}`
    expect(await get(person, url)).toMatchObject({ id: ids[0], userId: person.id })
    expect(await get(admin, url)).toMatchObject({ id: ids[0] })
    const stranger = someone()
    expect(await get(stranger, url)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await get(stranger, `/orders/${stranger.id}/${ids[0]}`)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await get(admin, `/orders/${stranger.id}/${ids[0]}`)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await get(person, `/orders/${person.id}/nothing`)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await get(undefined, url)).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('is null and NOT_FOUND by GraphQL where it is not found', async () => {
    const { person, ids } = await customerWith(1)
    const query = 'query ($id: ID!) { order(id: $id) { id } }'
    expect((await shop.graphql(person, query, { id: ids[0] })).data.order).toEqual({ id: ids[0] })
    for (const [who, id] of [
      [someone(), ids[0]],
      [person, 'nothing'],
    ] as const) {
      const answer = await shop.graphql(who, query, { id })
      expect(answer).toMatchObject({ data: { order: null }, errors: [{ extensions: { code: 'NOT_FOUND' } }] })
    }
  })

  it('on its way, or being undone, is seen by no one', async () => {
    const { person, ids } = await customerWith(1)
    await leaveIntents(person.id)
    for (const status of ['Intent', 'Undoing']) {
      const id = `${ids[0]}-${status}`
      expect(await get(admin, `/orders/${person.id}/${id}`)).toMatchObject({ code: 'NOT_FOUND' })
      const put = await shop.request(admin, 'PUT', `/orders/${id}/status`, { status: 'Confirmée' })
      expect(put.json()).toMatchObject({ code: 'NOT_FOUND' })
    }
    expect(await get(admin, `/orders/${person.id}`)).toMatchObject({ totalCount: 1, items: [{ id: ids[0] }] })
    const all = await get(admin, '/orders?first=100')
    expect(all.items.some(({ id }: { id: string }) => id.includes('-Intent') || id.includes('-Undoing'))).toBe(false)
  })
})

describe('a list', () => {
  it('comes newest first, page by page, each order once though new ones come', async () => {
    const { person, ids } = await customerWith(5)
    const seen: string[] = []
    let after = ''
    for (let page = 0; page < 3; page++) {
      const { items, pageInfo, totalCount, totalCountIsExact } = await get(
        person,
        `/orders/${person.id}?first=2${after && `&after=${after}`}`,
      )
      expect([totalCount, totalCountIsExact]).toEqual([5 + page, true])
      expect(pageInfo.hasNextPage).toBe(page < 2)
      seen.push(...items.map(({ id }: { id: string }) => id))
      after = pageInfo.endCursor
      await place(person)
    }
    expect(seen).toEqual(ids.toReversed())
  })

  it('may be of one status, however it is typed in the URL', async () => {
    const { person, ids } = await customerWith(3)
    await shop.request(admin, 'PUT', `/orders/${ids[1]}/status`, { status: 'Confirmée' })
    for (const word of ['Confirmée', 'Confirmée'.normalize('NFD')]) {
      const url = `/orders/${person.id}?status=${encodeURIComponent(word)}`
      expect(await get(person, url)).toMatchObject({ items: [{ id: ids[1] }], totalCount: 1 })
    }
    const received = await get(admin, `/orders/${person.id}?status=${encodeURIComponent('Reçue')}`)
    expect(received.items.map(({ id }: { id: string }) => id)).toEqual([ids[2], ids[0]])
  })

  it.each([
    '?status=Perdue',
    '?status=Intent',
    '?status=',
    '?first=0',
    '?first=101',
    '?first=x',
    '?after=x',
    '?page=2',
  ])('does not take %s', async (query) => {
    const person = someone()
    expect(await get(person, `/orders/${person.id}${query}`)).toMatchObject({ code: 'VALIDATION_FAILED' })
  })

  it('does not take the cursor of another list', async () => {
    const { person } = await customerWith(2)
    const { pageInfo } = await get(person, `/orders/${person.id}?first=1`)
    const other = `/orders/${person.id}?status=${encodeURIComponent('Reçue')}&after=${pageInfo.endCursor}`
    expect(await get(person, other)).toMatchObject({ code: 'VALIDATION_FAILED' })
  })

  it('of another user is FORBIDDEN, whether or not there is such a user', async () => {
    const { person } = await customerWith(1)
    for (const userId of [person.id, 'no-one'])
      expect(await get(someone(), `/orders/${userId}`)).toMatchObject({ code: 'FORBIDDEN' })
    expect(await get(undefined, `/orders/${person.id}`)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await get(admin, '/orders/no-one')).toMatchObject({ items: [], totalCount: 0 })
  })

  it('of everyone is for admins', async () => {
    const { ids } = await customerWith(1)
    const { items } = await get(admin, '/orders?first=1')
    expect(items[0].id).toBe(ids[0])
    expect(await get(someone(), '/orders')).toMatchObject({ code: 'FORBIDDEN' })
    expect(await get(undefined, '/orders')).toMatchObject({ code: 'UNAUTHENTICATED' })
    const query = '{ orders(first: 1, status: RECUE) { nodes { id } edges { cursor node { id } } totalCountIsExact } }'
    const { data } = await shop.graphql(admin, query)
    expect(data.orders).toMatchObject({ nodes: [{ id: ids[0] }], totalCountIsExact: true })
    const refused = await shop.graphql(someone(), query)
    expect(refused).toMatchObject({ data: null, errors: [{ extensions: { code: 'FORBIDDEN' } }] })
  })
})

describe('from other subgraphs', () => {
  const entities = (person: TestPerson | undefined, representations: object[], fields: string) =>
    shop.graphql(
      person,
      `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Order { id number } ... on User { ${fields} } } }`,
      { r: representations },
    )

  it('orders are found by the same rules, each answered by itself', async () => {
    const { person, ids } = await customerWith(2)
    const stranger = await customerWith(1)
    const keys = [ids[0], stranger.ids[0], 'nothing', ids[1], ids[0]].map((id) => ({ __typename: 'Order', id }))
    const { data, errors } = await entities(person, keys, 'id')
    expect(data._entities.map((order: { id: string } | null) => order?.id)).toEqual([
      ids[0],
      undefined,
      undefined,
      ids[1],
      ids[0],
    ])
    expect(errors).toMatchObject([1, 2].map((i) => ({ path: ['_entities', i], extensions: { code: 'NOT_FOUND' } })))
    const anonymous = await entities(undefined, keys.slice(0, 1), 'id')
    expect(anonymous.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
    const seen = await entities(admin, keys.slice(0, 2), 'id')
    expect(seen.data._entities).toHaveLength(2)
    expect(seen.errors).toBeUndefined()
  })

  it('a user’s orders are for that user and for admins', async () => {
    const { person, ids } = await customerWith(2)
    const key = [{ __typename: 'User', id: person.id }]
    const fields = 'orders(first: 1) { nodes { id items { product { id } } } pageInfo { hasNextPage } totalCount }'
    for (const who of [person, admin]) {
      const { data } = await entities(who, key, fields)
      expect(data._entities[0].orders).toMatchObject({
        nodes: [{ id: ids[1], items: [{ product: { id: expect.any(String) } }] }],
        pageInfo: { hasNextPage: true },
        totalCount: 2,
      })
    }
    const other = await entities(someone(), key, `id ${fields}`)
    expect(other.data._entities[0]).toEqual({ id: person.id, orders: null })
    expect(other.errors).toMatchObject([{ path: ['_entities', 0, 'orders'], extensions: { code: 'FORBIDDEN' } }])
    const tooMany = await entities(person, key, 'orders(first: 101) { totalCount }')
    expect(tooMany.errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED' } }])
  })
})

describe('an operator', () => {
  it('is told what is needed, what is served and what is counted', async () => {
    const { needs } = await eventually('it is ready', async () => {
      const ready = (await shop.app.inject('/readyz')).json()
      return ready.status === 'ok' && ready
    })
    expect(needs).toEqual({ mongodb: 'ok', product: 'ok', kafka: 'ok' })
    const { paths } = (await shop.app.inject('/openapi.json')).json()
    expect(Object.keys(paths)).toEqual(['/orders', '/orders/{userId}', '/orders/{userId}/{id}', '/orders/{id}/status'])
    await customerWith(1)
    await shop.order(someone(), [{ productId: 'nothing', quantity: 1 }])
    const { body } = await shop.app.inject('/metrics')
    for (const line of [
      /^orders_placed_total\{.*\} [1-9]/m,
      /^orders_refused_total\{.*code="PRODUCT_UNAVAILABLE".*\} [1-9]/m,
      /^order_events_unsent\{/m,
      /^order_event_unsent_oldest_seconds\{/m,
      /^order_intents\{/m,
      /^order_stock_owed\{.*\} 0$/m,
      /^order_event_publish_lag_seconds_count\{/m,
    ])
      expect(body).toMatch(line)
  })

  it('is told what is true now, not at the scrape before', async () => {
    const left = orderOf({ _id: newId(), number: '1', customer: someone(), items: [], at: new Date() })
    await shop.stored.insertOne({ ...left, status: 'Intent', sweepAt: new Date(Date.now() + 600_000) })
    const intents = async () => /^order_intents\{.*\} (\d+)$/m.exec((await shop.app.inject('/metrics')).body)?.[1]
    const before = Number(await intents())
    await shop.stored.deleteOne({ _id: left._id })
    expect(Number(await intents())).toBe(before - 1)
  })
})
