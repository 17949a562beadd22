import { createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ANSWER_TIMEOUT } from './answer-timeout.ts'
import { changeStatus, type ChangeStatusDeps } from './change-status.ts'
import { createOrder } from './order.ts'

const { id, name, email, locale } = createPrincipal()
const order = createOrder({
  _id: 'order',
  number: '1',
  customer: { id, name, email, locale },
  items: [{ productId: 'comte', name: 'Comté 18 mois', quantity: 1, price: 12.9 }],
  at: new Date(),
})

/** Creates deps whose first `conflicts` writes find an order that is not as it was read. */
function createDeps(conflicts: number) {
  let attempts = 0
  const deps: ChangeStatusDeps = {
    orders: {
      find: async () => order,
      changeStatus: async (_, status) => {
        if (++attempts > 1000) throw new Error('attempts without a pause')
        return attempts > conflicts ? { ...order, status } : null
      },
    },
    outbox: { enqueue: () => {} },
    recovery: { wake: () => {} },
    now: () => new Date(),
  }
  return { deps, attempts: () => attempts }
}

describe('changeStatus, while a majority of the database lags behind', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
  afterEach(() => void vi.useRealTimers())

  it('reads the order again after growing pauses, until the write succeeds', async () => {
    const { deps, attempts } = createDeps(3)
    const changing = changeStatus(deps, createAdmin(), { id: order._id, status: 'Confirmée' })
    await vi.advanceTimersByTimeAsync(20 + 40 + 80)
    expect((await changing).status).toBe('Confirmée')
    expect(attempts()).toBe(4)
  })

  it('fails with TIMEOUT after 8 s, with few attempts', async () => {
    const { deps, attempts } = createDeps(Infinity)
    const changing = changeStatus(deps, createAdmin(), { id: order._id, status: 'Confirmée' })
    const failure = changing.catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT + 1000)
    expect(await failure).toMatchObject({ code: 'TIMEOUT', retryAfter: 2 })
    expect(attempts()).toBeGreaterThan(8)
    expect(attempts()).toBeLessThan(80)
  })
})
