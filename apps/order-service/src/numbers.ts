import { coalesce } from '@halles/service/coalesce'
import type { Db } from 'mongodb'

/** How many numbers are taken from the counter at a time, so that it is no hot document. */
const BLOCK = 100

/**
 * Order numbers: decimal, from 1 on, unique whatever number of instances take them. Gaps come with every restart, and
 * with two instances disorder.
 */
export function numbersIn(db: Db): () => Promise<string> {
  const counters = db.collection<{ _id: string; last: number }>('counters')
  let next = 1
  let last = 0

  const take = coalesce(async (waiting: undefined[]): Promise<string[]> => {
    const numbers: string[] = []
    while (numbers.length < waiting.length) {
      if (next > last) {
        const counter = await counters.findOneAndUpdate(
          { _id: 'orders' },
          { $inc: { last: BLOCK } },
          { upsert: true, returnDocument: 'after' },
        )
        last = counter!.last
        next = last - BLOCK + 1
      }
      numbers.push(String(next++))
    }
    return numbers
  })
  return () => take(undefined)
}
