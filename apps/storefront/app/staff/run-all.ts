/** How many requests of one action are under way at a time. */
const CONCURRENCY = 4

export type Result<Item> = { item: Item; error?: unknown }

/** Does something for each item, a few at a time, whatever becomes of the others. @returns each item, in order, with its error if it failed */
export async function runAll<Item>(
  items: readonly Item[],
  action: (item: Item) => Promise<unknown>,
): Promise<Result<Item>[]> {
  const results: Result<Item>[] = []
  const queue = items.entries()
  const work = async (): Promise<void> => {
    for (const [i, item] of queue)
      results[i] = await action(item).then(
        () => ({ item }),
        (error: unknown) => ({ item, error }),
      )
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return results
}
