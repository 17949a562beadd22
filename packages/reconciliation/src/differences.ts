import type { Snapshot } from './snapshot.ts'
import { eventRules } from './event-rules.ts'
import { emailRules } from './email-rules.ts'
import { orderRules } from './order-rules.ts'
import { stockRules } from './stock-rules.ts'
import { indexSnapshot, type AsOf, type Found, type Rule } from './snapshot-index.ts'

export type { AsOf }

/** A violation of a rule: the rule's name, the subject, the expected value and the found value. */
export type Difference = Found & { rule: string }

const shapeRule: Rule = {
  name: 'shape',
  why: 'A document of an unknown shape cannot be checked.',
  *find({ invalidDocuments }) {
    for (const { collection, id, reason } of invalidDocuments)
      yield { subject: `${collection} ${id}`, expected: 'the shape in snapshot.ts', found: reason }
  },
}

/** All invariants. */
export const rules: readonly Rule[] = [shapeRule, ...stockRules, ...orderRules, ...eventRules, ...emailRules]

/**
 * Checks all rules on a snapshot.
 * @param asOf only what is older than this time must be complete, so that operations in progress are no differences;
 *   `quiet` when nothing is in progress
 */
export function findDifferences(snapshot: Snapshot, { asOf }: { asOf: AsOf }): Difference[] {
  const index = indexSnapshot(snapshot, asOf)
  return rules.flatMap(({ name, find }) => [...find(index)].map((found) => ({ rule: name, ...found })))
}
