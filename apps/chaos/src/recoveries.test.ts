import { expect, it } from 'vitest'
import type { InjectedFault } from './faults/fault-injector.ts'
import { measureRecoveries } from './recoveries.ts'
import type { PlaceOrderRequest } from './run-log.ts'

const order = (from: number, to: number, kind: 'success' | 'unknown' = 'success') =>
  ({ from, to, outcome: { kind, replayed: false } }) as PlaceOrderRequest
const fault = (began: number, electedAt?: number): InjectedFault => ({
  what: 'kill-primary',
  on: 'mongodb',
  at: 0,
  lasts: 0,
  began,
  ended: 0,
  ...(electedAt !== undefined && { electedAt }),
})

const END = 700

it('measureRecoveries counts only orders that were requested after the fault and placed', () => {
  const requests = [order(90, 150), order(110, 160, 'unknown'), order(120, 400), order(130, 300), order(500, 510)]
  expect(measureRecoveries([fault(100, 250)], requests, END)).toMatchObject([{ sinceFault: 200, sinceElection: 260 }])
  expect(measureRecoveries([fault(100)], requests, END)[0]).not.toHaveProperty('sinceElection')
})

it('measureRecoveries counts the time until the end of the load where no order was placed in it', () => {
  const requests = [order(90, 150), order(800, 810)]
  expect(measureRecoveries([fault(100), fault(650, 720)], requests, END)).toMatchObject([
    { sinceFault: 600 },
    { sinceFault: 50, sinceElection: 0 },
  ])
})
