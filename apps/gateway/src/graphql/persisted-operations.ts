import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

export type PersistedOperations = ReturnType<typeof loadPersistedOperations>

/**
 * Loads the persisted operations: those of the folder operations/, the storefront's
 * among them, and those of a manifest that `npm run persist` wrote.
 * They are planned before the gateway listens, and clients may send their `documentId` instead of a query.
 *
 * @param manifest path of the manifest file (OPERATIONS_FILE)
 */
export function loadPersistedOperations(manifest?: string) {
  const folder = new URL('../../operations/', import.meta.url)
  const examples = readGraphqlFiles(folder).map((text) => [toDocumentId(text), text] as const)
  const manifests = [new URL('storefront.json', folder), ...(manifest === undefined ? [] : [manifest])]
  const listed = manifests.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>)
  const byId = new Map([...examples, ...listed.flatMap((operations) => Object.entries(operations))])
  return { texts: [...byId.values()], findText: (documentId: string): string | undefined => byId.get(documentId) }
}

/** The texts of all .graphql files in a folder, sorted by file name. */
const readGraphqlFiles = (folder: URL): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.graphql'))
    .toSorted()
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))

/** The document id of an operation: `sha256:` and the hash of its text in hex. */
export const toDocumentId = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`
