import { withCaller } from '@halles/concurrency/caller'
import { extractTrace, runInTrace } from '@halles/telemetry/trace'
import { createPrincipal } from '@halles/test-fixtures/principals'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ANSWER_TIMEOUT } from '../answer-timeout.ts'
import { placeOrder, type PlaceOrderDeps } from './place-order.ts'

const steps = ['admit', 'check', 'takeNumber', 'create', 'reserve', 'confirm'] as const
type Step = (typeof steps)[number]

/** Creates deps whose step `slow` takes longer than the client waits, and the steps that were taken, in order. */
function createDeps(slow: Step) {
  const taken: string[] = []
  const step = <T>(name: Step, result: T): T => {
    taken.push(name)
    if (name === slow) vi.setSystemTime(Date.now() + ANSWER_TIMEOUT)
    return result
  }
  /** As a batcher does: rejects when the deadline has passed before it began. */
  const withDeadline = async <T>(name: Step, result: T, deadline = Infinity): Promise<T> => {
    if (Date.now() >= deadline) throw new Error(`${name} is not begun`)
    return step(name, result)
  }
  const deps: PlaceOrderDeps = {
    admit: async (task) => {
      step('admit', undefined)
      return task()
    },
    metrics: { countOutcome: (placing) => placing },
    stock: {
      check: (lines, { deadline } = {}) => {
        const product = { name: 'Comté 18 mois', price: 12.9 }
        return withDeadline('check', lines.map(() => ({ available: 5, product })), deadline) // prettier-ignore
      },
      reserve: (_, { deadline } = {}) => withDeadline('reserve', { outcome: 'held' as const }, deadline),
    },
    takeNumber: async () => step('takeNumber', '1'),
    pendingOrders: {
      create: (_order, _idempotency, deadline) => withDeadline('create', true, deadline),
      confirm: async () => step('confirm', true),
      remove: async () => undefined,
      findByKey: async () => {
        taken.push('findByKey')
        return null
      },
    },
    recovery: { cancel: async () => void taken.push('cancel') },
    outbox: { enqueueCreated: () => {} },
    now: () => new Date(),
  }
  return { deps, taken }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

describe('placeOrder, after its client was answered TIMEOUT', () => {
  it.each([
    ['admit', ['admit']],
    ['check', ['admit', 'check', 'takeNumber', 'cancel']],
    ['takeNumber', ['admit', 'check', 'takeNumber', 'cancel']],
    ['create', ['admit', 'check', 'takeNumber', 'create', 'cancel']],
  ] as const)('begins no further step when %s was slow, takes no stock, and cancels', async (slow, expected) => {
    const { deps, taken } = createDeps(slow)
    const input = { items: [{ productId: 'comte', quantity: 1 }] }
    await expect(placeOrder(deps, createPrincipal(), input, 'a key')).rejects.toThrow()
    expect(taken).toEqual(expected)
  })

  it('confirms stock that was reserved, though reserving was slow', async () => {
    const { deps, taken } = createDeps('reserve')
    const input = { items: [{ productId: 'comte', quantity: 1 }] }
    expect((await placeOrder(deps, createPrincipal(), input)).order.status).toBe('Reçue')
    expect(taken).toEqual(steps)
  })
})

describe('placeOrder, after the deadline of its caller', () => {
  it('begins nothing', async () => {
    const { deps, taken } = createDeps('confirm')
    const caller = { deadline: Date.now(), isGone: () => false, networks: [] }
    const placing = runInTrace(withCaller(extractTrace({}), caller), () =>
      placeOrder(deps, createPrincipal(), { items: [{ productId: 'comte', quantity: 1 }] }, 'a key'),
    )
    await expect(placing).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(taken).toEqual(['admit'])
  })
})
