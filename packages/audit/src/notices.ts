import type { Books, DeadLetter } from './books.ts'
import { isOrder, viewOf } from './view.ts'

/** What is worth knowing about the books and no difference, a line each; nothing of what there is none of. */
export function noticesIn(books: Books): string[] {
  const { realOrders, eventOf, repeatsOf, isParked, isRetained } = viewOf(books, books.readAt)
  const cameAgain = ({ eventId = '' }: DeadLetter): boolean =>
    repeatsOf.get(eventId)?.some((event) => !isParked(event)) ?? false
  const again = books.deadLetters.filter(cameAgain)
  const notices: [number, string][] = [
    [books.orders.filter((order) => !isOrder(order)).length, 'orders under way or being undone'],
    [realOrders.filter(({ releaseAt }) => releaseAt).length, 'cancelled orders whose stock is owed back'],
    [realOrders.reduce((sum, { unsent = [] }) => sum + unsent.length, 0), 'events not told yet'],
    [books.events.length - eventOf.size, 'repeats among the events, as may be'],
    [books.letters.filter(({ status }) => status === 'PENDING').length, 'letters to be sent'],
    [books.letters.filter(({ status }) => status === 'FAILED').length, 'letters FAILED (an admin may send them again)'],
    [books.deadLetters.length - again.length, 'messages on order-events.dlq, parked'],
    [again.length, 'messages on order-events.dlq that were sent again'],
    [
      realOrders.filter(({ _id, createdAt }) => !isRetained(_id, createdAt)).length,
      'orders older than what Kafka keeps (their first events were not looked for)',
    ],
  ]
  return notices.filter(([count]) => count > 0).map(([count, what]) => `${what}: ${count}`)
}
