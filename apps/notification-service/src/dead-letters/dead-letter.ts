import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Headers, IncomingMessage, OutgoingMessage, TimestampedMessage } from '@halles/kafka/kafka'

/** A message that could not be processed, as it is on the dead-letter queue, without its content. */
export type DeadLetter = {
  /** Its position on the queue and a digest of what it is: `<partition>.<offset>.<digest>`. */
  id: string
  /** Why it could not be processed, in a few words of ours. */
  reason: string
  /** Where it was consumed, and the consumer group that could not process it. */
  origin: { topic: string; partition: number | null; offset: string | null; group: string | null }
  key: Buffer | null
  /** The length of its value in bytes; null when it has none. */
  size: number | null
  deadLetteredAt: Date
  /** How often it was redriven, and when last. */
  redrives: number
  redrivenAt: Date | null
}

/** The content of a dead letter. */
export type DeadLetterContent = {
  /** The original value; null when there was none, or when it was too large to be stored. */
  value: Buffer | null
  /** The original headers, in order. */
  headers: { name: string; value: Buffer }[]
}

/** The largest value that is stored, in bytes: four times what Kafka accepts from a producer by default. */
export const MAX_STORED_VALUE = 4_000_000

/** The headers that dead-lettering adds: why, from where and when. */
const deadLetterHeaders = [
  'reason',
  'origin-topic',
  'origin-partition',
  'origin-offset',
  'origin-group',
  'parked-at',
] as const
/** Added when the value was too large for the queue: its length in bytes. */
const DROPPED_VALUE_SIZE = 'value-left-at-origin'
/** Added to a redriven message: the id of the dead letter. */
const REDRIVEN_FROM = 'redriven-from'
const addedHeaders = new Set<string>([...deadLetterHeaders, DROPPED_VALUE_SIZE, REDRIVEN_FROM])

/**
 * Converts a message that `group` could not process to a message for the dead-letter queue: unchanged, with headers added
 * that say why and from where. A value that is too large is dropped.
 */
export function toDeadLetterMessage(
  { topic, partition, offset, bytes, raw }: IncomingMessage,
  reason: string,
  group: string,
): OutgoingMessage {
  const added: Record<(typeof deadLetterHeaders)[number], string> = {
    reason,
    'origin-topic': topic,
    'origin-partition': String(partition),
    'origin-offset': offset,
    'origin-group': group,
    'parked-at': new Date().toISOString(),
  }
  const message = { key: raw.key, value: bytes, headers: { ...raw.headers, ...added } }
  return bytes && bytes.length > MAX_STORED_VALUE ? dropValue(message) : message
}

/** Drops a value that is too large for the queue, and adds its length as a header. The value exists only at its origin. */
export const dropValue = ({ value, headers, ...message }: OutgoingMessage): OutgoingMessage => ({
  ...message,
  value: null,
  headers: { ...headers, [DROPPED_VALUE_SIZE]: String(value === null ? 0 : Buffer.byteLength(value)) },
})

/**
 * Converts a message on the dead-letter queue to a dead letter, whoever put it there, and however often it is read. Its origin is
 * `defaultTopic` when its headers name none.
 */
export function toDeadLetter(message: TimestampedMessage, defaultTopic: string): DeadLetter & DeadLetterContent {
  const { partition, offset, timestamp, headers, bytes, raw } = message
  const deadLetteredAt = new Date(headers['parked-at'] ?? timestamp)
  const value = bytes && bytes.length <= MAX_STORED_VALUE ? bytes : null
  const deadLetter = {
    reason: headers['reason'] ?? 'unknown',
    origin: {
      topic: headers['origin-topic'] ?? defaultTopic,
      partition: /^\d{1,9}$/.test(headers['origin-partition'] ?? '') ? Number(headers['origin-partition']) : null,
      offset: headers['origin-offset'] ?? null,
      group: headers['origin-group'] ?? null,
    },
    key: raw.key,
    size: bytes?.length ?? (DROPPED_VALUE_SIZE in headers ? Number(headers[DROPPED_VALUE_SIZE]) || 0 : null),
    deadLetteredAt: Number.isNaN(deadLetteredAt.getTime()) ? timestamp : deadLetteredAt,
    value,
    headers: toOriginalHeaders(raw.headers),
  }
  return { id: toId(`${partition}.${offset}`, deadLetter), ...deadLetter, redrives: 0, redrivenAt: null }
}

/**
 * The id of a dead letter: its position on the queue, and a digest that tells it from what has the same position after the queue
 * was deleted and created again. The time is part of it only where the headers give it, with the group: earlier versions stored
 * the time of consumption for all others.
 */
export function toId(
  position: string,
  {
    key,
    value,
    size,
    headers,
    reason,
    origin,
    deadLetteredAt,
  }: Omit<DeadLetter, 'id' | 'redrives' | 'redrivenAt'> & DeadLetterContent,
): string {
  const { topic, partition, offset, group } = origin
  const fields = [
    key?.toString('base64'),
    size,
    headers.map((header) => [header.name, header.value.toString('base64')]),
    [reason, topic, partition, offset, group],
    group === null ? null : deadLetteredAt.toISOString(),
  ]
  const hash = createHash('sha256').update(JSON.stringify(fields))
  if (value) hash.update(value)
  return `${position}.${hash.digest('base64url').slice(0, 16)}`
}

const toOriginalHeaders = (headers: Headers): DeadLetterContent['headers'] =>
  Object.entries(headers)
    .filter(([name]) => !addedHeaders.has(name))
    .flatMap(([name, values]) => [values].flat().map((value) => ({ name, value: Buffer.from(value ?? '') })))

/** Whether the original value is stored, or there was none. Only then can the message be redriven. */
export const isComplete = ({ size, value }: Pick<DeadLetter & DeadLetterContent, 'size' | 'value'>): boolean =>
  size === null || value !== null

/** Converts a dead letter back to the original message, with the id of the dead letter as an added header. */
export function toRedriveMessage({ id, key, value, headers }: DeadLetter & DeadLetterContent): OutgoingMessage {
  const byName = Map.groupBy(headers, ({ name }) => name)
  const original = [...byName].map(([name, all]) => [name, all.map((header) => header.value)])
  return { key, value, headers: { ...Object.fromEntries(original), [REDRIVEN_FROM]: id } }
}

/** Encodes bytes as text for clients: as they are when they are UTF-8, else in base64. */
export const toText = (bytes: Buffer): { text: string; encoding: 'utf-8' | 'base64' } =>
  isUtf8(bytes)
    ? { text: bytes.toString('utf8'), encoding: 'utf-8' }
    : { text: bytes.toString('base64'), encoding: 'base64' }
