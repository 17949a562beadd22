import type { InjectedFault } from './faults/fault-injector.ts'
import type { PlaceOrderRequest } from './run-log.ts'

/** How long customers waited for the next order after a fault, in milliseconds. */
export type Recovery = {
  fault: InjectedFault
  /** From the fault to the response to the first order that was requested after it and placed. */
  sinceFault: number
  /** From the election of a new primary to such an order, where the fault caused one. */
  sinceElection?: number
}

/** Measures the time from each fault to the next order. A fault after the last order is left out. */
export function measureRecoveries(
  injected: readonly InjectedFault[],
  requests: readonly PlaceOrderRequest[],
): Recovery[] {
  const placed = requests
    .filter(({ outcome }) => outcome.kind === 'success' && !outcome.replayed)
    .toSorted((a, b) => a.to - b.to)
  const waitFrom = (time: number): number => (placed.find(({ from }) => from >= time)?.to ?? Infinity) - time
  return injected.flatMap((fault) => {
    const sinceFault = waitFrom(fault.began)
    if (!Number.isFinite(sinceFault)) return []
    return { fault, sinceFault, ...(fault.electedAt && { sinceElection: waitFrom(fault.electedAt) }) }
  })
}
