import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { checkLimits, operationCosts } from '@halles/graphql-server/operation-limits'
import { parse, specifiedRules, validate, type GraphQLSchema } from 'graphql'
import { costFactors, operationLimits } from './operation-limits.ts'
import { toDocumentId } from './persisted-operations.ts'
import { createSupergraph } from './supergraph.ts'

/**
 * Creates the manifest of the clients' operations for OPERATIONS_FILE: operation texts by document id, sorted by id.
 *
 * @param files .graphql files, one operation each, with the fragments that it uses
 * @throws Error that lists every file without a valid operation, or whose operation is beyond the limits of the gateway
 */
export function createOperationManifest(files: readonly string[], schema: GraphQLSchema): Record<string, string> {
  const mistakes: string[] = []
  const operations = files.map((file) => {
    const text = readFileSync(file, 'utf8')
    mistakes.push(...findMistakes(text, schema).map((mistake) => `${file}: ${mistake}`))
    return [toDocumentId(text), text] as const
  })
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return Object.fromEntries(operations.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function findMistakes(text: string, schema: GraphQLSchema): string[] {
  try {
    const document = parse(text, { maxTokens: operationLimits.tokens })
    const limitError = checkLimits(document, operationLimits)
    if (limitError) return [limitError.message]
    const errors = validate(schema, document, specifiedRules)
    if (errors.length > 0) return errors.map(({ message }) => message)
    const costs = [...operationCosts(schema, document, costFactors).values()].map((calculateCost) => calculateCost({}))
    if (costs.length !== 1) return [`has ${costs.length} operations: one a file`]
    return costs[0]! > operationLimits.cost ? [`costs ${costs[0]}: ${operationLimits.cost} is allowed`] : []
  } catch (error) {
    return [(error as Error).message]
  }
}

if (import.meta.main) {
  const [manifest, ...patterns] = process.argv.slice(2)
  if (manifest === undefined || patterns.length === 0) {
    console.error(
      "Usage, with paths from apps/gateway: npm run persist -w apps/gateway -- MANIFEST.json '../storefront/src/**/*.graphql' …",
    )
    process.exit(1)
  }
  const sdl = readFileSync(new URL('../../supergraph.graphql', import.meta.url), 'utf8')
  const { schema, close } = await createSupergraph(sdl, {} as never, () => {})
  try {
    const operations = createOperationManifest(globSync(patterns).toSorted(), schema)
    writeFileSync(manifest, `${JSON.stringify(operations, null, 2)}\n`)
    console.log(`${Object.keys(operations).length} operations written to ${manifest}`)
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  } finally {
    await close()
  }
}
