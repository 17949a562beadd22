import { isUtf8 } from 'node:buffer'
import type { Headers, Incoming, Outgoing } from '@halles/service/kafka'

/** A message that could not be processed, as it stands on the dead-letter queue, without what it says. */
export type DeadLetter = {
  /** Its place there: `<partition>.<offset>`. */
  id: string
  /** Why it could not be processed, in our words. */
  reason: string
  /** Where it came from, and which group could not process it. */
  origin: { topic: string; partition: number | null; offset: string | null; group: string | null }
  key: Buffer | null
  /** How many bytes its value has; null when it has none. */
  size: number | null
  parkedAt: Date
  /** How often it was sent again, and when last. */
  redrives: number
  redrivenAt: Date | null
}

/** What a dead letter says. */
export type Content = {
  /** As it came; null when there was none, or when it was too large to be kept. */
  value: Buffer | null
  /** Its own headers, in order. */
  headers: { name: string; value: Buffer }[]
}

/** The largest value that is kept, in bytes. Four times what Kafka takes from a producer by default. */
export const LARGEST_KEPT = 4_000_000

/** The headers by which a parked message says why it is there, whence, and since when. */
const OURS = ['reason', 'origin-topic', 'origin-partition', 'origin-offset', 'origin-group', 'parked-at'] as const
/** Says how many bytes a value had that was too large to be parked. */
const LEFT = 'value-left-at-origin'
/** Which dead letter a message was that is sent again. */
const REDRIVEN_FROM = 'redriven-from'
const ours = new Set<string>([...OURS, LEFT, REDRIVEN_FROM])

/** A message as it is parked: unchanged, and with its own headers, where it comes from and why it is here. */
export function parked({ topic, partition, offset, bytes, raw }: Incoming, reason: string, group: string): Outgoing {
  const own: Record<(typeof OURS)[number], string> = {
    reason,
    'origin-topic': topic,
    'origin-partition': String(partition),
    'origin-offset': offset,
    'origin-group': group,
    'parked-at': new Date().toISOString(),
  }
  const message = { key: raw.key, value: bytes, headers: { ...raw.headers, ...own } }
  return bytes && bytes.length > LARGEST_KEPT ? withoutValue(message) : message
}

/** A parked message whose value is too large for the queue: it stays at its origin only, and the message says so. */
export const withoutValue = ({ value, headers, ...message }: Outgoing): Outgoing => ({
  ...message,
  value: null,
  headers: { ...headers, [LEFT]: String(value === null ? 0 : Buffer.byteLength(value)) },
})

/**
 * What a message on the queue tells, also one that was not parked by us. `usual` is the topic that it came from if it does
 * not say.
 */
export function deadLetterIn(message: Incoming, usual: string, now: Date): DeadLetter & Content {
  const { partition, offset, headers, bytes, raw } = message
  const parkedAt = new Date(headers['parked-at'] ?? now)
  const value = bytes && bytes.length <= LARGEST_KEPT ? bytes : null
  return {
    id: `${partition}.${offset}`,
    reason: headers['reason'] ?? 'not said',
    origin: {
      topic: headers['origin-topic'] ?? usual,
      partition: /^\d{1,9}$/.test(headers['origin-partition'] ?? '') ? Number(headers['origin-partition']) : null,
      offset: headers['origin-offset'] ?? null,
      group: headers['origin-group'] ?? null,
    },
    key: raw.key,
    size: bytes?.length ?? (LEFT in headers ? Number(headers[LEFT]) || 0 : null),
    parkedAt: Number.isNaN(parkedAt.getTime()) ? now : parkedAt,
    redrives: 0,
    redrivenAt: null,
    value,
    headers: ownHeaders(raw.headers),
  }
}

const ownHeaders = (headers: Headers): Content['headers'] =>
  Object.entries(headers)
    .filter(([name]) => !ours.has(name))
    .flatMap(([name, values]) => [values].flat().map((value) => ({ name, value: Buffer.from(value ?? '') })))

/** Whether all that it said is kept: only then can it be sent again. */
export const isWhole = ({ size, value }: Pick<DeadLetter & Content, 'size' | 'value'>): boolean =>
  size === null || value !== null

/** The message that a dead letter was, to be sent again: key, value and headers as they came, and where it was parked. */
export function redriven({ id, key, value, headers }: DeadLetter & Content): Outgoing {
  const byName = Map.groupBy(headers, ({ name }) => name)
  const own = [...byName].map(([name, all]) => [name, all.map((header) => header.value)])
  return { key, value, headers: { ...Object.fromEntries(own), [REDRIVEN_FROM]: id } }
}

/** How bytes are shown: as they read when they are UTF-8, else in base64. */
export const shown = (bytes: Buffer): { text: string; encoding: 'utf-8' | 'base64' } =>
  isUtf8(bytes)
    ? { text: bytes.toString('utf8'), encoding: 'utf-8' }
    : { text: bytes.toString('base64'), encoding: 'base64' }
