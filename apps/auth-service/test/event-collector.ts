import { randomUUID } from 'node:crypto'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'

/**
 * Collects the events of a topic from its beginning, by id and so without duplicates. An event whose key is not its subject
 * is left out, because it has lost its order.
 */
export async function collectEvents<T extends { id: string; subject: string }>(
  brokers: string,
  topic: string,
  partitions: number,
  parse: (text: string) => T,
): Promise<{ events: Map<string, T>; close: () => Promise<void> }> {
  const kafka = createKafka(brokers, 'event-collector', createLogger('event-collector', 'silent'))
  const events = new Map<string, T>()
  await kafka.ensureTopic(topic, partitions)
  const { close } = await kafka.consume({
    groupId: randomUUID(),
    topic,
    fromBeginning: true,
    maxWaitTime: 50,
    onBatch: async (messages) => {
      for (const { key, value } of messages) {
        const event = parse(value ?? '')
        if (event.subject === key) events.set(event.id, event)
      }
    },
  })
  return { events, close }
}
