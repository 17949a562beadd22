import type { Violation } from '../violation.ts'
import { accountInvariants } from './account-invariants.ts'
import { emailInvariants } from './email-invariants.ts'
import { createView, type Evidence, type Invariant } from './invariant.ts'
import { orderInvariants } from './order-invariants.ts'
import { stockInvariants } from './stock-invariants.ts'

/**
 * What must hold between the responses that clients had, the data of the shop and the mailbox. What must hold within the
 * data alone is checked by packages/reconciliation.
 */
export const invariants: readonly Invariant[] = [
  ...orderInvariants,
  ...stockInvariants,
  ...emailInvariants,
  ...accountInvariants,
]

export function findViolations(evidence: Evidence): Violation[] {
  const view = createView(evidence)
  return invariants.flatMap(({ rule, find }) => [...find(evidence, view)].map((found) => ({ rule, ...found })))
}
