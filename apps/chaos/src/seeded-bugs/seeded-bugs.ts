import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { ServiceName } from '@halles/dev-shop'

/**
 * A change of the compiled code of a service. The pattern must match exactly once in all of the service's files, so it says
 * what the code does and leaves names, white space and the file open where it can. `$1` … in the replacement are its groups.
 */
export type Mutation = { service: Exclude<ServiceName, 'gateway'>; pattern: RegExp; replacement: string }

/** A bug of a common class (mutation testing), and the rules that must report it: of packages/reconciliation or of invariants/. */
export type SeededBug = { what: string; rules: string[]; mutations: Mutation[] }

/** The bugs that a chaos run must find. */
export const seededBugs = {
  'unguarded-stock-write': {
    what: 'the write that takes stock does not require that there is enough',
    rules: ['stock-below-zero', 'oversold'],
    mutations: [
      {
        service: 'product',
        pattern: /(archived: false), stock: \{ \$gte: \w+ \}/,
        replacement: '$1',
      },
    ],
  },
  'publish-before-commit': {
    what: 'an order is published before its stock is reserved and it is confirmed',
    rules: ['event-without-order'],
    mutations: [
      {
        // From the reservation of the stock to the publication of the order, which is the last step before its return.
        service: 'order',
        pattern: /(const \w+ = await [^\n]*\bstock\.\w+\(\{[\s\S]*?\n\s*)([\w.]+)\(order\);(\s*return order;)/,
        replacement: '$2(order);\n    $1$2(order);$3',
      },
    ],
  },
  'emails-not-deduplicated': {
    what: 'an event that is delivered twice creates two e-mails',
    rules: ['email-duplicate'],
    mutations: [
      {
        service: 'notification',
        pattern: /key: \{ eventId: 1 \}/,
        replacement: 'key: { eventId: 1, _id: 1 }',
      },
      {
        service: 'notification',
        pattern: /key: \{ orderId: 1, sequence: 1 \}/,
        replacement: 'key: { orderId: 1, sequence: 1, _id: 1 }',
      },
    ],
  },
  'idempotency-keys-not-unique': {
    what: 'an idempotency key is stored, but does not prevent a second order',
    rules: ['order-key', 'key-with-two-orders'],
    mutations: [
      {
        service: 'order',
        pattern: /unique: true,(\s*partialFilterExpression: \{ 'idem(?:potency)?\.key')/,
        replacement: '$1',
      },
    ],
  },
  'offset-committed-before-effect': {
    what: 'the offset of an event is committed before its e-mail is stored',
    rules: ['email-missing'],
    mutations: [
      {
        service: 'notification',
        pattern: /const (\w+) = await Promise\.all\(messages\.map\((\w+)\)\);/,
        replacement: 'for (const message of messages) void $2(message).catch(() => {});\n        const $1 = [];',
      },
    ],
  },
  'account-events-not-awaited': {
    what: 'an account event leaves the outbox before Kafka has acknowledged it',
    rules: ['account-email-lost'],
    mutations: [
      {
        service: 'auth',
        pattern: /await (\w+\.send\(ACCOUNT_EVENTS, [^;]+\));/,
        replacement: 'void $1.catch(() => {});',
      },
    ],
  },
  'account-events-published-twice': {
    what: 'an account event is published twice under different ids, so that it leads to two e-mails',
    rules: ['account-email-doubled'],
    mutations: [
      {
        service: 'auth',
        pattern: /(\.send\(ACCOUNT_EVENTS, \w+)(\.map\()/,
        replacement: '$1.flatMap((event) => [event, { ...event, id: globalThis.crypto.randomUUID() }])$2',
      },
    ],
  },
  'release-not-idempotent': {
    what: 'a repeated release returns the stock again',
    rules: ['stock-balance'],
    mutations: [
      {
        service: 'product',
        pattern: /(\w+)\.filter\(\(\{ state \}\) => state === 'held'\)/,
        replacement: '$1',
      },
      {
        // The new time makes the write count as a modification.
        service: 'product',
        pattern: /\{ _id: \{ \$in: (\w+) \}, state: 'held' \},\s*(\w+)/,
        replacement: '{ _id: { $$in: $1 } }, { $$set: { ...$2.$$set, releasedAt: new Date() } }',
      },
    ],
  },
} as const satisfies Record<string, SeededBug>
export type SeededBugName = keyof typeof seededBugs

const apps = path.resolve(import.meta.dirname, '../../..')

/** Applies mutations to a source. @throws Error unless each pattern matches exactly once */
export function mutate(source: string, mutations: readonly Mutation[]): string {
  return mutations.reduce((text, { pattern, replacement }) => {
    const count = countMatches(text, pattern)
    if (count !== 1) throw new Error(`A bug cannot be seeded: ${String(pattern)} matches ${count} times, not once.`)
    return text.replace(pattern, replacement)
  }, source)
}

const countMatches = (text: string, pattern: RegExp): number =>
  [...text.matchAll(new RegExp(pattern.source, `${pattern.flags}g`))].length

/**
 * The mutations of these bugs by the file that each applies to, an absolute path. The services must be compiled.
 *
 * @throws Error unless each pattern matches exactly once in its service
 */
export function findMutations(names: readonly string[]): Map<string, Mutation[]> {
  const byFile = new Map<string, Mutation[]>()
  for (const name of names)
    for (const mutation of seededBugs[name as SeededBugName].mutations as readonly Mutation[]) {
      const { service, pattern } = mutation
      const matches = listCompiledFiles(service).flatMap((file) =>
        Array<string>(countMatches(readFileSync(file, 'utf8'), pattern)).fill(file),
      )
      const [file, ...others] = matches
      if (file === undefined || others.length > 0)
        throw new Error(
          `The bug ${name} cannot be seeded: ${String(pattern)} matches ${matches.length} times in ${service}-service, not once. Adapt it to the changed code.`,
        )
      byFile.set(file, [...(byFile.get(file) ?? []), mutation])
    }
  return byFile
}

/** The compiled files of a service, without those that an earlier build left of a source that has gone. */
function listCompiledFiles(service: Mutation['service']): string[] {
  const app = path.join(apps, `${service}-service`)
  return readdirSync(path.join(app, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js') && existsSync(path.join(app, 'src', file.replace(/\.js$/, '.ts'))))
    .map((file) => path.join(app, 'dist', file))
}

/**
 * The environment of the services in a run: a preload that seeds the bugs, and short delays so that the run ends soon.
 *
 * @param smtpTimeout how long an attempt to send an e-mail may take, in milliseconds
 */
export function createEnvironment(
  names: readonly SeededBugName[],
  smtpTimeout: number,
): Partial<Record<ServiceName, NodeJS.ProcessEnv>> {
  const preload = new URL('./preload.ts', import.meta.url)
  for (const name of names) preload.searchParams.append('seeded-bug', name)
  const mutated = new Set<ServiceName>(
    names.flatMap((name) => seededBugs[name].mutations.map(({ service }) => service)),
  )
  const environmentOf = (service: ServiceName): NodeJS.ProcessEnv =>
    mutated.has(service) ? { NODE_OPTIONS: `--import=${preload.href}` } : {}
  return {
    auth: environmentOf('auth'),
    product: environmentOf('product'),
    order: environmentOf('order'),
    notification: { RETRY_SCALE: '0.02', SMTP_TIMEOUT_MS: String(smtpTimeout), ...environmentOf('notification') },
  }
}
