import { buildSubgraphSchema } from '@apollo/subgraph'
import {
  GraphQLScalarType,
  isUnionType,
  parse,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql'
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit'
import type { Execute, GraphQLContext } from './graphql-http.ts'
import { Refusal } from './refusal.ts'

/** A key by which another subgraph names an entity of ours, as its representation says it. */
export type Key = { __typename: string; id: string }

/** Answers all keys of one type at once: for each, in order, the entity, null when there is none, or why not. */
export type References = (keys: Key[], context: GraphQLContext) => Promise<readonly (object | null | Error)[]>

/** How many operations of one document, by name, stay compiled. Documents themselves are bounded by the parse cache. */
type Compiled = Map<string, CompiledQuery | ExecutionResult>

/**
 * An executable subgraph: its SDL, its resolvers (typed by the service's generated types), and for each entity type the
 * one function that fetches it by key. The scalar DateTime is provided.
 */
export function subgraph({
  sdl,
  resolvers,
  references,
}: {
  sdl: string
  resolvers: object
  references: Record<string, References>
}): GraphQLSchema {
  const schema = buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: { DateTime, ...resolvers } })
  const entities = schema.getQueryType()?.getFields()['_entities']
  const union = schema.getType('_Entity')
  const kinds = new Set(isUnionType(union) ? union.getTypes().map(({ name }) => name) : [])
  if (entities)
    entities.resolve = (_root, { representations }: { representations: Key[] }, context: GraphQLContext) => {
      // Of any shape too: `constructor` would be a function of every object.
      if (!representations.every(({ __typename }) => kinds.has(__typename)))
        throw new Refusal('VALIDATION_FAILED', 'The __typename of a representation must be that of an entity here.')
      return entitiesOf(representations, references, context)
    }
  return schema
}

/** One call a type instead of one a key, which halves the cost (docs/decisions/0003-graphql-http-and-jit.md). */
async function entitiesOf(
  keys: Key[],
  references: Record<string, References>,
  context: GraphQLContext,
): Promise<(object | null | Error)[]> {
  const answers: (object | null | Error)[] = keys.map(() => null)
  const places = Object.groupBy(keys.keys(), (i) => keys[i]!.__typename)
  await Promise.all(
    Object.entries(places).map(async ([typename, at = []]) => {
      const asked = at.map((i) => keys[i]!)
      // Representations are of any shape: what is no text would reach a database's query as an operator.
      if (!asked.every(({ id }) => typeof id === 'string'))
        throw new Refusal('VALIDATION_FAILED', 'The id of a representation must be a string.')
      const found = (await references[typename]?.(asked, context)) ?? asked
      for (const [n, i] of at.entries()) {
        const entity = found[n] ?? null
        // @apollo/subgraph writes __typename into what it gets: give it a copy, never what a cache may hold.
        answers[i] = entity === null || entity instanceof Error ? entity : { ...entity, __typename: typename }
      }
    }),
  )
  return answers
}

/** Executes operations compiled by graphql-jit, each once a document and operation name. */
export function compiledExecute(): Execute {
  const compiled = new WeakMap<DocumentNode, Compiled>()
  return async ({ schema, document, operationName, rootValue, contextValue, variableValues }: ExecutionArgs) => {
    const name = operationName ?? ''
    const operations = compiled.get(document) ?? new Map()
    if (!compiled.has(document)) compiled.set(document, operations)
    const query = operations.get(name) ?? compileQuery(schema, document, operationName ?? undefined)
    operations.set(name, query)
    return isCompiledQuery(query) ? query.query(rootValue, contextValue, variableValues ?? {}) : query
  }
}

/** A moment: a Date inside, ISO 8601 in UTC outside. */
const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  serialize: (value) => (value instanceof Date ? value : new Date(String(value))).toISOString(),
})
