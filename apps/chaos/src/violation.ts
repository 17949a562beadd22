/** A broken invariant: the rule, what it is about, and the evidence. */
export type Violation = { rule: string; subject: string; expected: string; found: string }
