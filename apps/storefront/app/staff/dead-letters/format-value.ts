/** The largest value that is formatted, in characters: a larger one is shown as it is. */
const MAX_FORMATTED = 100_000

/** Indents JSON, so that people can read it; any other text stays as it is. */
export function formatValue(value: string): string {
  if (value.length > MAX_FORMATTED) return value
  try {
    return JSON.stringify(JSON.parse(value), undefined, 2)
  } catch {
    return value // not JSON: that may be why it was rejected
  }
}
