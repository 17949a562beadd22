import type { Books } from './books.ts'
import { eventRules } from './event-rules.ts'
import { letterRules } from './letter-rules.ts'
import { orderRules } from './order-rules.ts'
import { stockRules } from './stock-rules.ts'
import { viewOf, type AsOf, type Found, type Rule } from './view.ts'

export type { AsOf }

/** Something that does not add up: by which rule, about what, what should be and what is. */
export type Difference = Found & { rule: string }

const shapeRule: Rule = {
  name: 'shape',
  why: 'What cannot be read cannot be checked.',
  *find({ misfits }) {
    for (const { collection, id, why } of misfits)
      yield { subject: `${collection} ${id}`, expected: 'the shape that this auditor knows', found: why }
  },
}

/** All that must hold. */
export const rules: readonly Rule[] = [shapeRule, ...stockRules, ...orderRules, ...eventRules, ...letterRules]

/**
 * What does not add up in the books.
 *
 * `asOf`: only what is older than this moment must be complete, as orders under way are no differences; `quiet` when
 * nothing is under way any more.
 */
export function differencesIn(books: Books, { asOf }: { asOf: AsOf }): Difference[] {
  const view = viewOf(books, asOf)
  return rules.flatMap(({ name, find }) => [...find(view)].map((found) => ({ rule: name, ...found })))
}
