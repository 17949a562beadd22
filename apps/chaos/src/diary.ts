import type { Door, Line, Outcome, SeenOrder } from './client.ts'

/** Something that must hold and does not: which rule, of what, and the evidence. */
export type Finding = { rule: string; subject: string; expected: string; found: string }

/** From when to when a client waited, in milliseconds since 1970. */
type Span = { from: number; to: number }

export type Placing = Span & {
  userId: string
  key: string | undefined
  lines: Line[]
  door: Door
  outcome: Outcome<SeenOrder>
}
export type Moving = Span & {
  orderId: string
  status: string
  by: 'owner' | 'admin'
  door: Door
  outcome: Outcome<SeenOrder>
}
export type Adjusting = Span & {
  productId: string
  delta: number
  reason: string
  door: Door
  outcome: Outcome<unknown>
}
export type Resending = Span & { letterId: string; outcome: Outcome<unknown> }

export type Diary = ReturnType<typeof newDiary>

/** What clients saw, all of it: the books are held against this. */
export function newDiary() {
  const findings: Finding[] = []
  const counts = new Map<string, Map<string, number>>()
  const note =
    <T extends { outcome: Outcome<unknown> }>(what: string, list: T[]) =>
    (entry: T): T => {
      list.push(entry)
      count(what, entry.outcome)
      return entry
    }
  const count = (what: string, outcome: Outcome<unknown>): void => {
    const how =
      outcome.kind === 'done'
        ? outcome.replayed
          ? 'replayed'
          : 'done'
        : outcome.kind === 'refused'
          ? outcome.code
          : `unclear (${outcome.why})`
    const row = counts.get(what) ?? new Map<string, number>()
    counts.set(what, row.set(how, (row.get(how) ?? 0) + 1))
  }
  const placings: Placing[] = []
  const movings: Moving[] = []
  const adjustings: Adjusting[] = []
  const resendings: Resending[] = []
  /** Orders as admins know them, in the order in which their first 201 came. */
  const placed = new Map<string, SeenOrder>()

  return {
    placings,
    movings,
    adjustings,
    resendings,
    placed,
    findings,
    /** How often each thing was done, by what came of it. */
    counts,
    count,
    notePlacing: (entry: Placing): Placing => {
      if (entry.outcome.kind === 'done' && !placed.has(entry.outcome.value.id))
        placed.set(entry.outcome.value.id, { ...entry.outcome.value })
      return note(`order by ${entry.door}`, placings)(entry)
    },
    noteMoving: (entry: Moving): Moving =>
      note(entry.by === 'owner' ? 'cancel one’s order' : 'move an order', movings)(entry),
    noteAdjusting: note('adjust a stock', adjustings),
    noteResending: note('resend a letter', resendings),
    /** Writes down at once what can be seen to be wrong without the books. */
    wrong: (rule: string, subject: string, expected: string, found: string): void => {
      findings.push({ rule, subject, expected, found })
    },
  }
}
