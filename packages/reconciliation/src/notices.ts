import type { Snapshot, DeadLetter } from './snapshot.ts'
import { isConfirmed, indexSnapshot } from './snapshot-index.ts'

/** Lists counts that an operator should know and that are no differences, one line each, without those that are 0. */
export function listNotices(snapshot: Snapshot): string[] {
  const { confirmedOrders, eventById, eventsById, isDeadLettered, isRetained } = indexSnapshot(
    snapshot,
    snapshot.readAt,
  )
  const wasRedriven = ({ eventId = '' }: DeadLetter): boolean =>
    eventsById.get(eventId)?.some((event) => !isDeadLettered(event)) ?? false
  const redriven = snapshot.deadLetters.filter(wasRedriven)
  const notices: [number, string][] = [
    [snapshot.orders.filter((order) => !isConfirmed(order)).length, 'orders pending or being cancelled'],
    [
      confirmedOrders.filter(({ releaseAttemptAt }) => releaseAttemptAt).length,
      'cancelled orders with a pending stock release',
    ],
    [confirmedOrders.reduce((sum, { unpublished = [] }) => sum + unpublished.length, 0), 'events not published yet'],
    [snapshot.events.length - eventById.size, 'duplicate events (at-least-once delivery allows them)'],
    [snapshot.emails.filter(({ status }) => status === 'PENDING').length, 'e-mails pending'],
    [snapshot.emails.filter(({ status }) => status === 'FAILED').length, 'e-mails FAILED (an admin may resend them)'],
    [snapshot.deadLetters.length - redriven.length, 'dead letters on order-events.dlq'],
    [redriven.length, 'dead letters on order-events.dlq that were redriven'],
    [
      confirmedOrders.filter(({ _id, createdAt }) => !isRetained(_id, createdAt)).length,
      'orders older than the retention of order-events (their first events were not checked)',
    ],
  ]
  return notices.filter(([count]) => count > 0).map(([count, what]) => `${what}: ${count}`)
}
