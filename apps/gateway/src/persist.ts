import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { beyondLimits, costsOf } from '@halles/service/document-limits'
import { parse, specifiedRules, validate, type GraphQLSchema } from 'graphql'
import { limits, prices } from './limits.ts'
import { documentIdOf } from './operations.ts'
import { supergraphOf } from './supergraph.ts'

/**
 * Collects the operations of clients for OPERATIONS_FILE: an object of texts by their ids, sorted by them. A file that
 * holds something else, or an operation that does not fit the graph or is more than it answers, is an Error that says so.
 *
 * @param files .graphql files, one operation each, with the fragments that it needs
 */
export function operationsIn(files: readonly string[], schema: GraphQLSchema): Record<string, string> {
  const mistakes: string[] = []
  const texts = files.map((file) => {
    const text = readFileSync(file, 'utf8')
    mistakes.push(...mistakesIn(text, schema).map((mistake) => `${file}: ${mistake}`))
    return [documentIdOf(text), text] as const
  })
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return Object.fromEntries(texts.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function mistakesIn(text: string, schema: GraphQLSchema): string[] {
  try {
    const document = parse(text, { maxTokens: limits.tokens })
    const beyond = beyondLimits(document, limits)
    if (beyond) return [beyond.message]
    const faults = validate(schema, document, specifiedRules)
    if (faults.length > 0) return faults.map(({ message }) => message)
    const costs = [...costsOf(schema, document, prices).values()].map((costOf) => costOf({}))
    if (costs.length !== 1) return [`has ${costs.length} operations: one a file`]
    return costs[0]! > limits.cost ? [`costs ${costs[0]}: ${limits.cost} is allowed`] : []
  } catch (error) {
    return [(error as Error).message]
  }
}

if (import.meta.main) {
  const [into, ...patterns] = process.argv.slice(2)
  if (into === undefined || patterns.length === 0) {
    console.error(
      "Usage, with paths from apps/gateway: npm run persist -w apps/gateway -- LIST.json '../storefront/src/**/*.graphql' …",
    )
    process.exit(1)
  }
  const sdl = readFileSync(new URL('../supergraph.graphql', import.meta.url), 'utf8')
  const { schema, close } = await supergraphOf(sdl, {} as never, () => {})
  try {
    const operations = operationsIn(globSync(patterns).toSorted(), schema)
    writeFileSync(into, `${JSON.stringify(operations, null, 2)}\n`)
    console.log(`${Object.keys(operations).length} operations in ${into}`)
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  } finally {
    await close()
  }
}
