/**
 * Waits until `look` gives something (neither undefined, null nor false), and gives it back. Looks every 20 ms.
 *
 * @throws Error that names `what` after `within` milliseconds.
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  within = 10_000,
): Promise<T> {
  const deadline = Date.now() + within
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== null && seen !== false) return seen
    if (Date.now() > deadline) throw new Error(`did not happen within ${within} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
