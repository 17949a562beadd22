import { someone } from '@halles/testkit/people'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startOrderService, type Running } from '../test/running.ts'
import { startShelf, type Shelf } from '../test/shelf.ts'

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

describe('an order', () => {
  it('is taken', async () => {
    const camille = someone()
    const { id } = shelf.put({ price: 19.99 })
    const answer = await shop.order(camille, [{ productId: id, quantity: 2 }])
    console.log(answer.statusCode, answer.body)
    expect(answer.statusCode).toBe(201)
  })
})
