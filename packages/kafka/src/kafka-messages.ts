import type { IHeaders, KafkaMessage } from 'kafkajs'

/** Message headers: bytes or text; a list for a header that occurs several times. */
export type Headers = IHeaders

/** A message to send. Messages with the same `key` share a partition and keep their order. */
export type OutgoingMessage = { key: string | Buffer | null; value: string | Buffer | null; headers?: Headers }

/**
 * A message that was received. `key`, `value` and `headers` are decoded as UTF-8; `bytes` is the undecoded value, `raw` the
 * undecoded key and headers.
 */
export type IncomingMessage = {
  topic: string
  partition: number
  offset: string
  key: string | null
  value: string | null
  bytes: Buffer | null
  headers: Record<string, string>
  raw: { key: Buffer | null; headers: Headers }
}

/** A message with its timestamp, which the sender or the broker set. */
export type TimestampedMessage = IncomingMessage & { timestamp: Date }

export const toIncomingMessage = (
  topic: string,
  partition: number,
  { offset, key, value, headers }: KafkaMessage,
): IncomingMessage => ({
  topic,
  partition,
  offset,
  key: key?.toString('utf8') ?? null,
  value: value?.toString('utf8') ?? null,
  bytes: value,
  headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)])),
  raw: { key, headers: headers ?? {} },
})

export const toTimestampedMessage = (topic: string, partition: number, message: KafkaMessage): TimestampedMessage => ({
  ...toIncomingMessage(topic, partition, message),
  timestamp: new Date(Number(message.timestamp)),
})
