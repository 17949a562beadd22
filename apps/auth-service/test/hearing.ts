import { randomUUID } from 'node:crypto'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'

/**
 * Hears a topic of auth-service from its beginning: its events by id, so repeats aside. Whatever is not under its subject's
 * key is not heard, for it would have lost its order.
 */
export async function hearing<T extends { id: string; subject: string }>(
  brokers: string,
  topic: string,
  partitions: number,
  parse: (text: string) => T,
): Promise<{ heard: Map<string, T>; close: () => Promise<void> }> {
  const kafka = kafkaAt(brokers, 'reader', logger('reader', 'silent'))
  const heard = new Map<string, T>()
  await kafka.ensureTopic(topic, partitions)
  const { close } = await kafka.listen({
    groupId: randomUUID(),
    topic,
    fromBeginning: true,
    maxWaitTime: 50,
    onBatch: async (messages) => {
      for (const { key, value } of messages) {
        const event = parse(value ?? '')
        if (event.subject === key) heard.set(event.id, event)
      }
    },
  })
  return { heard, close }
}
