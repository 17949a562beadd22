import { useSyncExternalStore } from 'react'
import { session } from '../session/session.ts'

/** One line of the basket. `price` is what the customer last saw, in euros: a change is shown before ordering. */
export type BasketLine = { productId: string; quantity: number; price: number }

export const MAX_QUANTITY = 999
const MAX_LINES = 100
const ANONYMOUS = 'halles.basket'
const none: readonly BasketLine[] = []

/** The key in localStorage: a basket belongs to an account, or to the browser before someone signs in. */
const keyOf = (userId: string | undefined): string => (userId === undefined ? ANONYMOUS : `${ANONYMOUS}.${userId}`)

const isLine = (value: unknown): value is BasketLine => {
  const line = value as Partial<BasketLine> | null
  return (
    typeof line?.productId === 'string' &&
    Number.isInteger(line.quantity) &&
    line.quantity! > 0 &&
    typeof line.price === 'number'
  )
}

function parseLines(text: string | null): readonly BasketLine[] {
  if (text === null) return none
  try {
    const lines: unknown = JSON.parse(text)
    return Array.isArray(lines) ? lines.filter(isLine) : none
  } catch {
    return none // not written by the shop
  }
}

/** Merges baskets: quantities of the same product are added, up to the most that can be ordered. */
export function mergeLines(one: readonly BasketLine[], other: readonly BasketLine[]): readonly BasketLine[] {
  const merged = new Map(one.map((line) => [line.productId, line]))
  for (const line of other) {
    const known = merged.get(line.productId)
    merged.set(line.productId, {
      ...line,
      quantity: Math.min(MAX_QUANTITY, line.quantity + (known?.quantity ?? 0)),
    })
  }
  return [...merged.values()].slice(0, MAX_LINES)
}

/** The basket, kept in localStorage across reloads and shared by all tabs. */
function createBasket() {
  const listeners = new Set<() => void>()
  let cached: { key: string; text: string | null; lines: readonly BasketLine[] } | undefined

  const userId = (): string | undefined => {
    const state = session.state()
    return state.status === 'signed-in' ? state.user.id : undefined
  }

  const read = (key: string): readonly BasketLine[] => {
    const text = localStorage.getItem(key)
    if (cached?.key !== key || cached.text !== text) cached = { key, text, lines: parseLines(text) }
    return cached.lines
  }

  const write = (key: string, lines: readonly BasketLine[]): void => {
    if (lines.length === 0) localStorage.removeItem(key)
    else localStorage.setItem(key, JSON.stringify(lines))
    for (const listener of listeners) listener()
  }

  /** Moves what was chosen before signing in to the account's basket. */
  const adopt = (): void => {
    const id = userId()
    const chosen = id === undefined ? none : parseLines(localStorage.getItem(ANONYMOUS))
    if (chosen.length > 0) {
      write(keyOf(id), mergeLines(parseLines(localStorage.getItem(keyOf(id))), chosen))
      write(ANONYMOUS, none)
    }
    for (const listener of listeners) listener()
  }

  if (typeof window !== 'undefined') {
    session.subscribe(adopt)
    window.addEventListener('storage', ({ key }) => {
      if (key === null || key.startsWith(ANONYMOUS)) for (const listener of listeners) listener()
    })
  }

  const change = (edit: (lines: readonly BasketLine[]) => readonly BasketLine[]): void => {
    const key = keyOf(userId())
    write(key, edit(read(key)))
  }

  return {
    lines: (): readonly BasketLine[] => read(keyOf(userId())),
    subscribe: (listener: () => void): (() => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Adds a product, or more of it. @returns false when the basket is full */
    add: (added: BasketLine): boolean => {
      const lines = read(keyOf(userId()))
      if (lines.length >= MAX_LINES && !lines.some(({ productId }) => productId === added.productId)) return false
      change((present) => mergeLines(present, [added]))
      return true
    },
    setQuantity: (productId: string, quantity: number): void =>
      change((lines) =>
        lines.map((line) =>
          line.productId === productId ? { ...line, quantity: Math.max(1, Math.min(MAX_QUANTITY, quantity)) } : line,
        ),
      ),
    remove: (productId: string): void => change((lines) => lines.filter((line) => line.productId !== productId)),
    /** Notes the prices that the customer has seen and accepted. */
    acceptPrices: (prices: ReadonlyMap<string, number>): void =>
      change((lines) => lines.map((line) => ({ ...line, price: prices.get(line.productId) ?? line.price }))),
    clear: (): void => change(() => none),
  }
}

export const basket = createBasket()

/** The lines of the basket; none while the page is rendered on the server. */
export const useBasket = (): readonly BasketLine[] => useSyncExternalStore(basket.subscribe, basket.lines, () => none)

/** The number of items in the basket. */
export const useBasketCount = (): number => useBasket().reduce((count, { quantity }) => count + quantity, 0)
