import { v7 } from 'uuid'

/** Creates an id: a UUID version 7 (RFC 9562), so that ids sort by creation time. Clients treat ids as opaque. */
export const newId = (): string => v7()

/**
 * The first id of a moment: `newId` creates no smaller one at that millisecond or later, and no greater one before. A
 * range of ids is therefore a range of times, in the index on `_id`.
 *
 * @param milliseconds since 1970, 0 to 2^48 - 1; a time outside is the nearest of these
 */
export function firstIdAt(milliseconds: number): string {
  const hex = Math.min(Math.max(milliseconds, 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}
