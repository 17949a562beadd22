import { textFields, type ProductTexts, type TextField } from './product-fields.tsx'

/** What two people have changed at the same time. */
export type Conflict = {
  /** What both have changed, differently. */
  conflicts: { field: TextField; mine: string; theirs: string }[]
  /** What only the other one has changed: it is in the form by now. */
  taken: TextField[]
  hasNewPicture: boolean
}

/**
 * Merges the edits of two people (a three-way merge): what only one of them has changed is taken; what both have changed
 * differently stays mine, and is listed.
 *
 * @param base the version that both started from
 */
export function mergeEdits(
  base: ProductTexts,
  mine: ProductTexts,
  theirs: ProductTexts,
): { merged: ProductTexts } & Pick<Conflict, 'conflicts' | 'taken'> {
  const changed = textFields.filter((field) => theirs[field] !== base[field] && theirs[field] !== mine[field])
  const taken = changed.filter((field) => mine[field] === base[field])
  return {
    merged: { ...mine, ...Object.fromEntries(taken.map((field) => [field, theirs[field]])) },
    taken,
    conflicts: changed
      .filter((field) => !taken.includes(field))
      .map((field) => ({ field, mine: mine[field], theirs: theirs[field] })),
  }
}
