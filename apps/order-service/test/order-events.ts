import { randomUUID } from 'node:crypto'
import { ORDER_EVENTS, ORDER_EVENTS_PARTITIONS, parseOrderEvent, type OrderEvent } from '@halles/contracts/order-events'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'

export type Heard = { event: OrderEvent; key: string | null; headers: Record<string, string> }

/** Other tests put what is no event on the same topic. */
function eventIn(value: string | null): OrderEvent | undefined {
  try {
    return parseOrderEvent(value!)
  } catch {
    return undefined // poison is the business of those who park it
  }
}

/** Hears every event on `order-events` from its beginning, as any consumer would. */
export async function listenTo(kafka: string) {
  const heard: Heard[] = []
  const broker = kafkaAt(kafka, 'order-service-test', logger('test', 'silent'))
  await broker.ensureTopic(ORDER_EVENTS, ORDER_EVENTS_PARTITIONS)
  const listener = await broker.listen({
    groupId: `test-${randomUUID()}`,
    topic: ORDER_EVENTS,
    maxWaitTime: 100,
    onBatch: async (messages) => {
      for (const { value, key, headers } of messages) {
        const event = eventIn(value)
        if (event) heard.push({ event, key, headers })
      }
    },
  })
  /** What came about one order, repeats included. */
  const about = (orderId: string): Heard[] => heard.filter(({ event }) => event.subject === orderId)
  /** The same as a consumer keeps it: without repeats, in order of first arrival. */
  const once = (orderId: string): OrderEvent[] => [
    ...new Map(about(orderId).map(({ event }) => [event.id, event])).values(),
  ]
  return {
    about,
    once,
    sequences: (orderId: string): number[] => once(orderId).map(({ data }) => data.sequence),
    close: () => listener.close(),
  }
}
