import path from 'node:path'
import type { ServiceName } from '@halles/servers/shop'

/** A change of one compiled file of a service: the text must be there exactly once. */
export type Change = { service: Exclude<ServiceName, 'gateway'>; file: string; text: string; instead: string }

/** A bug, as it might have been written, and a rule that must tell of it. */
export type Plant = { what: string; rules: string[]; changes: Change[] }

/** The classes of bugs that the torture has to find. */
export const plants = {
  'no-guard': {
    what: 'the write that takes stock does not ask whether it is there',
    rules: ['stock-below-zero', 'sold-more-than-there-was'],
    changes: [
      {
        service: 'product',
        file: 'reservations.js',
        text: 'archived: false, stock: { $gte: quantity } }',
        instead: 'archived: false }',
      },
    ],
  },
  'publish-before-commit': {
    what: 'an order is told of before it is one',
    rules: ['event-without-order'],
    changes: [
      {
        service: 'order',
        file: 'place-order.js',
        text: 'const hold = await',
        instead: 'tell(order);\n    const hold = await',
      },
    ],
  },
  'letters-not-deduped': {
    what: 'an event that comes again makes a letter again',
    rules: ['letter-twice'],
    changes: [
      {
        service: 'notification',
        file: 'letters.js',
        text: 'key: { eventId: 1 }',
        instead: 'key: { eventId: 1, _id: 1 }',
      },
      {
        service: 'notification',
        file: 'letters.js',
        text: 'key: { orderId: 1, sequence: 1 }',
        instead: 'key: { orderId: 1, sequence: 1, _id: 1 }',
      },
    ],
  },
  'keys-not-deduped': {
    what: 'an idempotency key is kept, but does not keep a second order away',
    rules: ['order-key', 'key-with-two-answers'],
    changes: [{ service: 'order', file: 'orders.js', text: 'unique: true,', instead: '' }],
  },
  'offset-before-effect': {
    what: 'an event is acknowledged before it is recorded',
    rules: ['letter-missing'],
    changes: [
      {
        service: 'notification',
        file: 'events.js',
        text: 'const reasons = await Promise.all(messages.map(take));',
        instead: 'for (const message of messages) void take(message).catch(() => {});\n        const reasons = [];',
      },
    ],
  },
  'release-twice': {
    what: 'a release that is repeated gives back once more',
    rules: ['stock-balance'],
    changes: [
      {
        service: 'product',
        file: 'reservations.js',
        text: "known.filter(({ state }) => state === 'held')",
        instead: 'known',
      },
      {
        service: 'product',
        file: 'reservations.js',
        text: "{ _id: { $in: orders }, state: 'held' }, closing",
        instead: '{ _id: { $in: orders } }, { $set: { ...closing.$set, releasedAt: new Date() } }',
      },
    ],
  },
} as const satisfies Record<string, Plant>
export type PlantName = keyof typeof plants

const apps = path.resolve(import.meta.dirname, '../..')

/** The file that a change is of, as an absolute path. */
export const fileOf = ({ service, file }: Change): string => path.join(apps, `${service}-service`, 'dist', file)

/** What a source is with the changes made. @throws Error unless the text of each is in it exactly once. */
export function planted(source: string, changes: readonly Change[]): string {
  return changes.reduce((text, change) => {
    const found = text.split(change.text).length - 1
    if (found !== 1)
      throw new Error(`A bug cannot be planted: ${change.file} has ${found} times, not once, the text ${change.text}`)
    return text.replace(change.text, () => change.instead)
  }, source)
}

/** The changes of these plants by file, for the preload. */
export function changesOf(names: readonly string[]): Map<string, Change[]> {
  const all = names.flatMap((name) => [...(plants[name as PlantName].changes as readonly Change[])])
  return Map.groupBy(all, fileOf)
}

/** What the services are told besides: times that let a torture come to its end soon, and the bugs, by a preload. */
export function environmentFor(names: readonly PlantName[]): Partial<Record<ServiceName, NodeJS.ProcessEnv>> {
  const preload = new URL('./plant-preload.ts', import.meta.url)
  for (const name of names) preload.searchParams.append('plant', name)
  const services = new Set([...changesOf(names).values()].flat().map(({ service }) => service))
  const bug = (service: ServiceName): NodeJS.ProcessEnv =>
    services.has(service as never) ? { NODE_OPTIONS: `--import=${preload.href}` } : {}
  return {
    auth: bug('auth'),
    product: bug('product'),
    order: bug('order'),
    notification: { RETRY_SCALE: '0.02', SMTP_TIMEOUT_MS: '5000', ...bug('notification') },
  }
}
