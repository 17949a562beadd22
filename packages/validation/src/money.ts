/** Converts euros (at most two decimals) to whole cents, whose sums are exact. */
export const toCents = (euros: number): number => Math.round(euros * 100)

/** Converts whole cents to euros. */
export const toEuros = (cents: number): number => cents / 100

/** Returns the total of order lines in cents; `price` is euros for one unit. */
export const sumCents = (lines: readonly { price: number; quantity: number }[]): number =>
  lines.reduce((sum, { price, quantity }) => sum + toCents(price) * quantity, 0)
