import type { InjectedFault } from '../faults/fault-injector.ts'
import type { ReceivedEmail } from '../faults/mail-server.ts'
import type { Catalogue } from '../load/prepare-load.ts'
import type { PlaceOrderRequest, RunLog } from '../run-log.ts'
import { isUnfinished, type RunSnapshot } from '../shop-inspector.ts'
import type { Violation } from '../violation.ts'

/** What is known after a run. */
export type Evidence = {
  snapshot: RunSnapshot
  runLog: RunLog
  /** Every e-mail that the mail server has received. */
  receivedEmails: readonly ReceivedEmail[]
  injected: readonly InjectedFault[]
  catalogue: Catalogue
}

export type FoundViolation = Omit<Violation, 'rule'>

/** A rule, and how its violations are found. */
export type Invariant = { rule: string; find: (evidence: Evidence, view: View) => Iterable<FoundViolation> }

export type View = ReturnType<typeof createView>

/** Indexes the evidence for the lookups that several invariants need. */
export function createView({ snapshot, runLog }: Evidence) {
  const orderById = new Map(snapshot.orders.map((order) => [order._id, order]))
  const withKey = runLog.placeOrderRequests.filter(
    (request): request is PlaceOrderRequest & { key: string } => request.key !== undefined,
  )
  return {
    orderById,
    /** The orders without those that are pending or being cancelled before they were confirmed. */
    placedOrders: snapshot.orders.filter((order) => !isUnfinished(order)),
    /** The requests for an order by idempotency key, `<user id>/<key>`. */
    requestsByKey: Map.groupBy(withKey, ({ userId, key }) => `${userId}/${key}`),
    /** The stored status history of an order; empty when the order does not exist. */
    historyOf: (id: string): { status: string; timestamp: string }[] =>
      (orderById.get(id)?.statusHistory ?? []).map(({ status, timestamp }) => ({
        status,
        timestamp: timestamp.toISOString(),
      })),
  }
}

/** A time in milliseconds since 1970 as ISO 8601. */
export const formatTime = (at: number): string => new Date(at).toISOString()
