import { buildSubgraphSchema } from '@apollo/subgraph'
import {
  createSourceEventStream,
  GraphQLScalarType,
  isUnionType,
  parse,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql'
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit'
import type { Execute, GraphQLContext, Subscribe, SubscriptionEvent } from '@halles/graphql-server/execution'
import { AppError } from '@halles/errors/app-error'

/** The representation of an entity that another subgraph refers to, by its key. */
export type EntityRepresentation = { __typename: string; id: string }

/** Resolves all references to one entity type: for each key, in order, the entity, null when there is none, or an Error. */
export type EntityResolver = (
  keys: EntityRepresentation[],
  context: GraphQLContext,
) => Promise<readonly (object | null | Error)[]>

/** The compiled operations of one document, by name. The cache of parsed documents bounds their number. */
type CompiledOperations = Map<string, CompiledQuery | ExecutionResult>

/**
 * Creates the executable schema of a subgraph from its SDL, its resolvers (typed by the service's generated types), and one
 * entity resolver for each entity type. The scalar DateTime is included.
 */
export function createSubgraphSchema({
  sdl,
  resolvers,
  references,
}: {
  sdl: string
  resolvers: object
  references: Record<string, EntityResolver>
}): GraphQLSchema {
  const schema = buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: { DateTime, ...resolvers } })
  const entities = schema.getQueryType()?.getFields()['_entities']
  const entityUnion = schema.getType('_Entity')
  const entityTypes = new Set(isUnionType(entityUnion) ? entityUnion.getTypes().map(({ name }) => name) : [])
  if (entities)
    entities.resolve = (
      _root,
      { representations }: { representations: EntityRepresentation[] },
      context: GraphQLContext,
    ) => {
      // Checked by name: `references['constructor']` would find the constructor of Object.
      if (!representations.every(({ __typename }) => entityTypes.has(__typename)))
        throw new AppError(
          'VALIDATION_FAILED',
          'The __typename of a representation must be an entity type of this subgraph.',
        )
      return resolveEntities(representations, references, context)
    }
  return schema
}

/** Makes one call for each type, not for each key, which halves the cost (docs/decisions/0003-serve-graphql-with-graphql-http-and-graphql-jit.md). */
async function resolveEntities(
  keys: EntityRepresentation[],
  references: Record<string, EntityResolver>,
  context: GraphQLContext,
): Promise<(object | null | Error)[]> {
  const entities: (object | null | Error)[] = keys.map(() => null)
  const indexesByType = Object.groupBy(keys.keys(), (i) => keys[i]!.__typename)
  await Promise.all(
    Object.entries(indexesByType).map(async ([typename, indexes = []]) => {
      const requested = indexes.map((i) => keys[i]!)
      // Representations are not validated before: an object as id would reach a MongoDB filter as an operator.
      if (!requested.every(({ id }) => typeof id === 'string'))
        throw new AppError('VALIDATION_FAILED', 'The id of a representation must be a string.')
      const found = (await references[typename]?.(requested, context)) ?? requested
      for (const [n, i] of indexes.entries()) {
        const entity = found[n] ?? null
        // @apollo/subgraph sets __typename on the object that it gets: copied, because a cache may hold the original.
        entities[i] = entity === null || entity instanceof Error ? entity : { ...entity, __typename: typename }
      }
    }),
  )
  return entities
}

/** Creates an executor that compiles each operation once, by graphql-jit. */
export function createCompiledExecutor(): Execute {
  const compiled = new WeakMap<DocumentNode, CompiledOperations>()
  return async ({ schema, document, operationName, rootValue, contextValue, variableValues }: ExecutionArgs) => {
    const name = operationName ?? ''
    const operations = compiled.get(document) ?? new Map()
    if (!compiled.has(document)) compiled.set(document, operations)
    const query = operations.get(name) ?? compileQuery(schema, document, operationName ?? undefined)
    operations.set(name, query)
    return isCompiledQuery(query) ? query.query(rootValue, contextValue, variableValues ?? {}) : query
  }
}

/**
 * The key of the id that an event of a subscription has: `subscribe` of the field yields objects of the field's value, by its name,
 * and the id by this symbol. The id of the last event that the client has received is in its `Last-Event-ID` header.
 */
export const EVENT_ID = Symbol('id of a subscription event')

/** Creates the function that starts subscriptions, each of whose events is executed by `execute`. */
export const createSubscriber =
  (execute: Execute): Subscribe =>
  async (args) => {
    const events = await createSourceEventStream(args)
    if (!(Symbol.asyncIterator in events)) return events
    return executeEvents(events, (rootValue) => execute({ ...args, rootValue }))
  }

async function* executeEvents(
  events: AsyncIterable<unknown>,
  execute: (event: unknown) => Promise<ExecutionResult>,
): AsyncGenerator<SubscriptionEvent> {
  for await (const event of events) {
    const { [EVENT_ID]: id } = event as { [EVENT_ID]?: string }
    yield { id, result: await execute(event) }
  }
}

/** A point in time: a Date in resolvers, ISO 8601 in UTC in responses. */
const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  serialize: (value) => (value instanceof Date ? value : new Date(String(value))).toISOString(),
})
