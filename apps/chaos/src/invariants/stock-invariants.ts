import type { Invariant } from './invariant.ts'

/** Invariants between the stock that the admins know of, what was sold, and the stock ledger. */
export const stockInvariants: readonly Invariant[] = [
  {
    rule: 'oversold',
    *find({ runLog, catalogue }, { placedOrders }) {
      const sold = new Map<string, number>()
      for (const { status, items } of placedOrders)
        if (status !== 'Annulée')
          for (const { productId, quantity } of items) sold.set(productId, (sold.get(productId) ?? 0) + quantity)
      for (const [productId, opening] of catalogue.openingStock) {
        const available = runLog.adjustStockRequests
          .filter((request) => request.productId === productId)
          .filter(({ delta, outcome: { kind } }) => kind === 'success' || (kind === 'unknown' && delta > 0))
          .reduce((sum, { delta }) => sum + delta, opening)
        if ((sold.get(productId) ?? 0) > available)
          yield {
            subject: `product ${productId}`,
            expected: `at most ${available} sold`,
            found: `${sold.get(productId)} sold`,
          }
      }
    },
  },
  {
    rule: 'adjustment-not-exactly-once',
    *find({ runLog, snapshot }) {
      const movementsByReason = Map.groupBy(snapshot.stockMovements, ({ reason }) => reason)
      for (const { reason, productId, delta, outcome } of runLog.adjustStockRequests) {
        const found = movementsByReason.get(reason) ?? []
        const allowed = { success: [1], rejected: [0], unknown: [0, 1] }[outcome.kind]
        if (!allowed.includes(found.length) || found.some((one) => one.productId !== productId || one.delta !== delta))
          yield {
            subject: `adjustment of ${productId} by ${delta} (${reason}), outcome ${outcome.kind}`,
            expected: `${allowed.join(' or ')} movements`,
            found: JSON.stringify(found),
          }
      }
    },
  },
]
