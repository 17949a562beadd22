import { randomUUID } from 'node:crypto'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { someone, startOrderService, type Running } from '../test/running.ts'
import { startShelf, type Shelf } from '../test/shelf.ts'

const topic = `account-deletions-${randomUUID()}`
const broker = kafkaAt(inject('kafka'), 'order-test', logger('test', 'silent'))
const publisher = broker.publisher()
let shelf: Shelf
let shop: Running
beforeAll(async () => {
  shelf = await startShelf()
  await broker.ensureTopic(topic, 1)
  const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), product: shelf.address }
  shop = await startOrderService(servers, { deletions: { topic, groupId: topic } })
})
afterAll(async () => {
  await publisher.close()
  await shop.close()
  shelf.stop()
})

const tellOfDeletion = (userId: string) =>
  publisher.send(topic, [
    {
      key: userId,
      value: JSON.stringify({
        specversion: '1.0',
        id: randomUUID(),
        source: '/auth-service',
        type: 'account.deleted',
        subject: userId,
        time: new Date().toISOString(),
        datacontenttype: 'application/json',
        data: { user: { id: userId } },
      }),
    },
  ])

it('forgets who a customer was whose account was deleted, and keeps what they bought', async () => {
  const [gone, stays] = [someone(), someone()]
  for (const person of [gone, gone, stays]) await shop.order(person, [{ productId: shelf.put().id, quantity: 2 }])
  const ordersOf = (userId: string) => shop.stored.find({ userId }).sort({ _id: 1 }).toArray()
  const before = await ordersOf(gone.id)

  await publisher.send(topic, [{ key: gone.id, value: 'nonsense' }])
  await tellOfDeletion(gone.id)
  await eventually('they are forgotten', async () =>
    (await ordersOf(gone.id)).every(({ customer }) => customer.email === ''),
  )
  const after = await ordersOf(gone.id)
  expect(JSON.stringify(after)).not.toContain(gone.email)
  expect(after).toMatchObject(
    before.map(({ _id, total, items, customer: { id, locale } }) => ({
      _id,
      total,
      items,
      customer: { id, name: '', email: '', locale },
    })),
  )
  expect(await ordersOf(stays.id)).toMatchObject([{ customer: { name: stays.name, email: stays.email } }])

  // What was done with a token in between is forgotten when it is told again.
  await shop.order(gone, [{ productId: shelf.put().id, quantity: 1 }])
  await tellOfDeletion(gone.id)
  await eventually('the last order too', async () => {
    const all = await ordersOf(gone.id)
    return all.length === 3 && all.every(({ customer }) => customer.email === '')
  })
})
