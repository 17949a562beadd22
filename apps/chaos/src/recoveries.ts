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

/**
 * Measures the time from each fault to the next order. Where no order followed, it is the time until the end of the load,
 * as the shop had not recovered by then: a lower bound.
 *
 * @param loadEnded when the buyers stopped, in milliseconds since 1970
 */
export function measureRecoveries(
  injected: readonly InjectedFault[],
  requests: readonly PlaceOrderRequest[],
  loadEnded: number,
): Recovery[] {
  const placed = requests
    .filter(({ outcome }) => outcome.kind === 'success' && !outcome.replayed)
    .toSorted((a, b) => a.to - b.to)
  const waitFrom = (time: number): number =>
    Math.max(0, Math.min(placed.find(({ from }) => from >= time)?.to ?? loadEnded, loadEnded) - time)
  return injected.map((fault) => ({
    fault,
    sinceFault: waitFrom(fault.began),
    ...(fault.electedAt !== undefined && { sinceElection: waitFrom(fault.electedAt) }),
  }))
}
