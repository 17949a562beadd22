import { randomUUID } from 'node:crypto'
import { ORDER_EVENTS, ORDER_EVENTS_PARTITIONS, parseOrderEvent, type OrderEvent } from '@halles/contracts/order-events'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'

export type ConsumedEvent = { event: OrderEvent; key: string | null; headers: Record<string, string> }

export type OrderEventsConsumer = Awaited<ReturnType<typeof consumeOrderEvents>>

/** Parses an event; undefined for the invalid messages that other tests publish on the same topic. */
function parse(value: string | null): OrderEvent | undefined {
  try {
    return parseOrderEvent(value!)
  } catch {
    return undefined
  }
}

/** Consumes `order-events` from the beginning, in a consumer group of its own. */
export async function consumeOrderEvents(brokers: string) {
  const consumed: ConsumedEvent[] = []
  const kafka = createKafka(brokers, 'order-service-test', createLogger('test', 'silent'))
  await kafka.ensureTopic(ORDER_EVENTS, ORDER_EVENTS_PARTITIONS)
  const consumer = await kafka.consume({
    groupId: `test-${randomUUID()}`,
    topic: ORDER_EVENTS,
    maxWaitTime: 100,
    onBatch: async (messages) => {
      for (const { value, key, headers } of messages) {
        const event = parse(value)
        if (event) consumed.push({ event, key, headers })
      }
    },
  })
  /** The events of one order, repeats included. */
  const received = (orderId: string): ConsumedEvent[] => consumed.filter(({ event }) => event.subject === orderId)
  /** The events of one order without repeats, in the order of first arrival, as an idempotent consumer sees them. */
  const distinct = (orderId: string): OrderEvent[] => [
    ...new Map(received(orderId).map(({ event }) => [event.id, event])).values(),
  ]
  return {
    received,
    distinct,
    sequences: (orderId: string): number[] => distinct(orderId).map(({ data }) => data.sequence),
    close: () => consumer.close(),
  }
}
