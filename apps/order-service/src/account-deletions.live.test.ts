import { randomUUID } from 'node:crypto'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { startOrderService, type OrderService } from '../test/start-order-service.ts'
import { startFakeProductService, type FakeProductService } from '../test/fake-product-service.ts'

const topic = `account-deletions-${randomUUID()}`
const kafka = createKafka(inject('kafka'), 'order-test', createLogger('test', 'silent'))
const publisher = kafka.publisher()
let productService: FakeProductService
let service: OrderService
beforeAll(async () => {
  productService = await startFakeProductService()
  await kafka.ensureTopic(topic, 1)
  const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), product: productService.address }
  service = await startOrderService(servers, { deletions: { topic, groupId: topic } })
})
afterAll(async () => {
  await publisher.close()
  await service.close()
  productService.stop()
})

const publishDeletion = (userId: string) =>
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

it('order-service anonymizes the orders of a deleted account, and keeps what was bought', async () => {
  const [deleted, other] = [createPrincipal(), createPrincipal()]
  for (const customer of [deleted, deleted, other])
    await service.placeOrder(customer, [{ productId: productService.addProduct().id, quantity: 2 }])
  const findOrders = (userId: string) => service.stored.find({ userId }).sort({ _id: 1 }).toArray()
  const before = await findOrders(deleted.id)

  await publisher.send(topic, [{ key: deleted.id, value: 'nonsense' }])
  await publishDeletion(deleted.id)
  await eventually('the orders are anonymized', async () =>
    (await findOrders(deleted.id)).every(({ customer }) => customer.email === ''),
  )
  const after = await findOrders(deleted.id)
  expect(JSON.stringify(after)).not.toContain(deleted.email)
  expect(after).toMatchObject(
    before.map(({ _id, total, items, customer: { id, locale } }) => ({
      _id,
      total,
      items,
      customer: { id, name: '', email: '', locale },
    })),
  )
  expect(await findOrders(other.id)).toMatchObject([{ customer: { name: other.name, email: other.email } }])

  // An order placed with an access token that was still valid is anonymized when the event is consumed again.
  await service.placeOrder(deleted, [{ productId: productService.addProduct().id, quantity: 1 }])
  await publishDeletion(deleted.id)
  await eventually('the last order is anonymized too', async () => {
    const all = await findOrders(deleted.id)
    return all.length === 3 && all.every(({ customer }) => customer.email === '')
  })
})
