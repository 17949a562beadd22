import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

export type Operations = ReturnType<typeof knownOperations>

/**
 * The operations that the gateway knows before anyone asks: those in operations/, and those that `npm run persist` has
 * collected in a file. They are planned before it listens, and clients may name them by `documentId`.
 */
export function knownOperations(file?: string) {
  const own = textsIn(new URL('../operations/', import.meta.url))
  const collected = file === undefined ? {} : (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>)
  const byId = new Map([...own.map((text) => [documentIdOf(text), text] as const), ...Object.entries(collected)])
  return { texts: [...byId.values()], textOf: (documentId: string): string | undefined => byId.get(documentId) }
}

/** The texts of all .graphql files in a folder. */
const textsIn = (folder: URL): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.graphql'))
    .toSorted()
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))

/** The id of an operation's text: `sha256:` and its hash in hex. */
export const documentIdOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`
