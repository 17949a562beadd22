import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

export type Operations = ReturnType<typeof knownOperations>

/**
 * The operations in a folder of .graphql files: those that the gateway knows before anyone asks. They are planned before
 * it listens, and clients may name them by `documentId: "sha256:<hex of the file>"`.
 */
export function knownOperations(folder: URL = new URL('../operations/', import.meta.url)) {
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.graphql'))
    .toSorted()
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
  const byId = new Map(texts.map((text) => [documentIdOf(text), text]))
  return { texts, textOf: (documentId: string): string | undefined => byId.get(documentId) }
}

/** The id of an operation's text. */
export const documentIdOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`
