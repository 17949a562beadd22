import { ApolloGateway, type GraphQLDataSource } from '@apollo/gateway'
import type { QueryPlan, QueryPlannerConfig } from '@apollo/query-planner'
import { GATEWAY_PROOF } from '@halles/service/client'
import type { Execute, GraphQLContext } from '@halles/service/graphql-http'
import { traceHeaders, traceId } from '@halles/service/trace'
import {
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLInt,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  Kind,
  parse,
  typeFromAST,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { withoutApolloTelemetry, type Service } from './config.ts'
import { errorsOf, type Path } from './missing.ts'
import type { Asking } from './subgraph.ts'

export type Supergraph = {
  /** What clients see. */
  schema: GraphQLSchema
  execute: Execute
  /** Plans operations ahead of the first client that asks for them. */
  warm: (operations: readonly string[]) => Promise<void>
  close: () => Promise<void>
}

/** How many query plans are kept, and of operations of how many characters in all: a plan repeats what is long in them. */
const PLANS = { max: 1000, maxSize: 16_000_000, sizeCalculation: (_plan: QueryPlan, text: string) => text.length + 1 }

type Executor = Awaited<ReturnType<ApolloGateway['load']>>['executor']
type RequestContext = Parameters<Executor>[0]
type ExecutorResult = Omit<ExecutionResult, 'extensions'> & {
  extensions?: { valueCompletion?: readonly { path?: Path; message: string }[] }
}

/**
 * The supergraph that `sdl` describes, executed by @apollo/gateway. Nothing is asked of a subgraph before the first
 * operation.
 *
 * @param planned is told at each operation whether its plan was there
 * @param secret proves to subgraphs that it is the gateway who asks
 */
export async function supergraphOf(
  sdl: string,
  subgraphs: Record<Service, GraphQLDataSource>,
  planned: (hit: boolean) => void,
  secret?: string,
): Promise<Supergraph> {
  withoutApolloTelemetry()
  const gateway = new ApolloGateway({
    supergraphSdl: sdl,
    buildService: ({ name }) => ({
      process: async (options) =>
        options.context === planOnly ? { data: null } : subgraphs[name as Service].process(options),
    }),
    queryPlannerConfig: { cache: planCache(planned) },
    __exposeQueryPlanExperimental: false,
    logger: silent,
  })
  let schema: GraphQLSchema | undefined
  gateway.onSchemaLoadOrUpdate(({ apiSchema }) => {
    schema = apiSchema
  })
  const { executor } = await gateway.load({ apollo: {} })

  const execute: Execute = async ({ document, operationName, variableValues, contextValue }) => {
    const asking = askingOf(contextValue, secret)
    const result = (await executor(
      requestOf(document, operationName, variableValues, asking) as RequestContext,
    )) as ExecutorResult
    // Only what never reached a subgraph is in the executor's own errors: variables that do not fit, say.
    if (result.errors) return { errors: result.errors }
    const { data } = result
    const broken = result.extensions?.valueCompletion
    if (!broken && asking.missed.length === 0 && asking.told.length === 0) return { data: data ?? null }
    const errors = errorsOf(
      data,
      { told: asking.told, missed: asking.missed, broken: broken?.map(({ path = [] }) => path) ?? [] },
      traceId(contextValue.request.trace),
      (path) => asking.log.error({ path: path.join('.') }, 'a subgraph gave null, or a value of another type'),
    )
    return errors.length > 0 ? { errors, data: data ?? null } : { data: data ?? null }
  }

  return {
    schema: schema!,
    execute,
    warm: async (operations) => {
      for (const text of operations) {
        const document = parse(text)
        await executor(requestOf(document, undefined, sampleVariables(schema!, document), planOnly) as RequestContext)
      }
    },
    close: () => gateway.stop(),
  }
}

/** The context of an execution that is only wanted for its plan: nothing is fetched. */
const planOnly = {}

/** What one request brings to its fetches: who asks and in which trace, and nothing else that the client sent. */
function askingOf({ request, log }: GraphQLContext, secret: string | undefined): Asking {
  const { authorization, 'user-agent': agent } = request.headers
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/graphql-response+json, application/json',
    'x-forwarded-for': request.ip,
    ...traceHeaders(request.trace),
    ...(authorization !== undefined && { authorization }),
    ...(agent !== undefined && { 'user-agent': agent }),
    ...(secret !== undefined && { [GATEWAY_PROOF]: secret }),
  }
  return { log, headers, tree: {}, missed: [], told: [] }
}

function requestOf(
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: ExecutionArgs['variableValues'],
  context: object,
) {
  // The source is the key of the plan cache: the same string as long as the document is remembered, so nothing is hashed.
  const text = document.loc!.source.body
  const request = {
    query: text,
    variables: variables ?? {},
    // With a name the executor makes its key with SHA-256: only where it must choose.
    ...(operationName && operationsIn(document) > 1 && { operationName }),
  }
  // Without fresh metrics every subgraph error would bring a second one.
  return { document, queryHash: text, source: text, request, context, metrics: {} }
}

const operationsIn = ({ definitions }: DocumentNode): number =>
  definitions.reduce((count, { kind }) => (kind === Kind.OPERATION_DEFINITION ? count + 1 : count), 0)

/** Query plans, the least used forgotten. */
function planCache(planned: (hit: boolean) => void): NonNullable<QueryPlannerConfig['cache']> {
  const plans = new LRUCache<string, QueryPlan>(PLANS)
  return {
    get: async (key) => {
      const plan = plans.get(key)
      planned(plan !== undefined)
      return plan
    },
    set: async (key, plan) => {
      plans.set(key, plan)
    },
    delete: async (key) => plans.delete(key),
    clear: () => plans.clear(),
  }
}

/** Values that fit an operation's required variables: it is not planned without. */
function sampleVariables(schema: GraphQLSchema, { definitions }: DocumentNode): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const definition of definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION)
      for (const { variable, type, defaultValue } of definition.variableDefinitions ?? [])
        if (type.kind === Kind.NON_NULL_TYPE && !defaultValue)
          values[variable.name.value] = sample(typeFromAST(schema, type) as GraphQLInputType)
  return values
}

function sample(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return sample(type.ofType)
  if (isListType(type)) return []
  if (isEnumType(type)) return type.getValues()[0]!.name
  if (isInputObjectType(type)) {
    const required = Object.values(type.getFields()).filter(isRequiredInputField)
    return Object.fromEntries(required.map((field) => [field.name, sample(field.type)]))
  }
  if (type === GraphQLBoolean) return false
  return type === GraphQLInt || type === GraphQLFloat ? 0 : '0'
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
