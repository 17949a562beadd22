import { ApolloGateway } from '@apollo/gateway'
import { GATEWAY_SECRET_HEADER } from '@halles/auth/client-address'
import type { Execute, GraphQLContext, Subscribe } from '@halles/graphql-server/execution'
import { traceHeaders, traceId } from '@halles/telemetry/trace'
import {
  GraphQLBoolean,
  GraphQLError,
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
import { disableApolloTelemetry, type Service } from '../config.ts'
import { toGraphQLErrors, type Path } from './partial-failure.ts'
import { createPlanCache } from './plan-cache.ts'
import type { OperationContext, Subgraph } from './subgraph.ts'
import { createSubscribe, type PrimaryFetch } from './subscriptions.ts'

export type Supergraph = {
  /** The API schema: what clients see. */
  schema: GraphQLSchema
  execute: Execute
  subscribe: Subscribe
  /** Plans operations before the first client sends them. */
  warmUp: (operations: readonly string[]) => Promise<void>
  close: () => Promise<void>
}

type Executor = Awaited<ReturnType<ApolloGateway['load']>>['executor']
type RequestContext = Parameters<Executor>[0]
type ExecutorResult = Omit<ExecutionResult, 'extensions'> & {
  extensions?: { valueCompletion?: readonly { path?: Path; message: string }[] }
}

/**
 * Creates the supergraph that `sdl` describes, executed by @apollo/gateway. No subgraph is called before the first
 * operation.
 *
 * @param onPlanLookup called for each operation, with whether its query plan was cached
 * @param timeout how long an operation may take in all, in milliseconds
 * @param gatewaySecret proves to the subgraphs that a fetch comes from the gateway
 */
export async function createSupergraph(
  sdl: string,
  subgraphs: Record<Service, Subgraph>,
  onPlanLookup: (hit: boolean) => void,
  { timeout = Infinity, gatewaySecret }: { timeout?: number; gatewaySecret?: string | undefined } = {},
): Promise<Supergraph> {
  disableApolloTelemetry()
  const gateway = new ApolloGateway({
    supergraphSdl: sdl,
    buildService: ({ name }) => ({
      process: async (options) => {
        const { context, request } = options
        if (!(context instanceof PlanOnlyContext)) return subgraphs[name as Service].process(options)
        context.firstFetch ??= {
          service: name as Service,
          query: request.query ?? '',
          variables: request.variables ?? {},
        }
        return { data: null }
      },
    }),
    queryPlannerConfig: { cache: createPlanCache(onPlanLookup) },
    __exposeQueryPlanExperimental: false,
    logger: silentLogger,
  })
  let schema: GraphQLSchema | undefined
  gateway.onSchemaLoadOrUpdate(({ apiSchema }) => {
    schema = apiSchema
  })
  const { executor } = await gateway.load({ apollo: {} })

  const createContext = (context: GraphQLContext): OperationContext =>
    createOperationContext(context, timeout, gatewaySecret)

  const executeWith = async (
    { document, operationName, variableValues, contextValue }: Parameters<Execute>[0],
    context: OperationContext,
  ): Promise<ExecutionResult> => {
    const result = (await executor(
      createRequest(document, operationName, variableValues, context) as RequestContext,
    )) as ExecutorResult
    // The executor's own errors are about operations that were not executed: invalid variables, for example.
    if (result.errors) return { errors: result.errors }
    const { data } = result
    const { failedFetches, subgraphErrors, log } = context
    const invalidValues = result.extensions?.valueCompletion
    if (!invalidValues && failedFetches.length === 0 && subgraphErrors.length === 0) return { data: data ?? null }
    const errors = toGraphQLErrors(
      data,
      { subgraphErrors, failedFetches, invalidPaths: invalidValues?.map(({ path = [] }) => path) ?? [] },
      traceId(contextValue.request.trace),
      (path) => log.error({ path: path.join('.') }, 'subgraph answered null for a non-null field, or another type'),
    )
    return errors.length > 0 ? { errors, data: data ?? null } : { data: data ?? null }
  }

  /** Creates the query plan of an operation without fetching anything. */
  const plan = async (
    document: DocumentNode,
    operationName: string | null | undefined,
    variables: ExecutionArgs['variableValues'],
  ): Promise<{ firstFetch: PrimaryFetch | undefined; errors: ExecutionResult['errors'] }> => {
    const context = new PlanOnlyContext()
    const { errors } = await executor(createRequest(document, operationName, variables, context) as RequestContext)
    return { firstFetch: context.firstFetch, errors }
  }

  return {
    schema: schema!,
    execute: (args) => executeWith(args, createContext(args.contextValue)),
    subscribe: createSubscribe(
      {
        findPrimaryFetch: async ({ document, operationName, variableValues }) => {
          const { firstFetch, errors } = await plan(document, operationName, variableValues)
          return firstFetch ?? { errors: errors ?? [new GraphQLError('This subscription selects nothing.')] }
        },
        createContext,
        execute: executeWith,
      },
      (service, request) => subgraphs[service].openEvents(request),
    ),
    warmUp: async (operations) => {
      for (const text of operations) {
        const document = parse(text)
        await plan(document, undefined, createSampleVariables(schema!, document))
      }
    },
    close: () => gateway.stop(),
  }
}

/** The context of an execution that only creates the query plan: nothing is fetched. */
class PlanOnlyContext {
  firstFetch: PrimaryFetch | undefined
}

/** Creates the context of an operation. Of the client's headers, fetches carry only token, user agent and trace. */
function createOperationContext(
  { request, log }: GraphQLContext,
  timeout: number,
  gatewaySecret: string | undefined,
): OperationContext {
  const { authorization, 'user-agent': userAgent } = request.headers
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/graphql-response+json, application/json',
    'x-forwarded-for': request.ip,
    ...traceHeaders(request.trace),
    ...(authorization !== undefined && { authorization }),
    ...(userAgent !== undefined && { 'user-agent': userAgent }),
    ...(gatewaySecret !== undefined && { [GATEWAY_SECRET_HEADER]: gatewaySecret }),
  }
  return { log, headers, deadline: Date.now() + timeout, data: {}, failedFetches: [], subgraphErrors: [] }
}

function createRequest(
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: ExecutionArgs['variableValues'],
  context: object,
) {
  // The source text is the key of the plan cache. It is the same string while the document is cached, so it is not hashed.
  const text = document.loc!.source.body
  const request = {
    query: text,
    variables: variables ?? {},
    // With a name, the executor hashes the key by SHA-256. So the name is set only where there are several operations.
    ...(operationName && countOperations(document) > 1 && { operationName }),
  }
  // Without an object of its own, the executor would add an error of its own to each subgraph error.
  return { document, queryHash: text, source: text, request, context, metrics: {} }
}

const countOperations = ({ definitions }: DocumentNode): number =>
  definitions.reduce((count, { kind }) => (kind === Kind.OPERATION_DEFINITION ? count + 1 : count), 0)

/** Values of the required variables of an operation, without which the executor does not plan it. */
function createSampleVariables(schema: GraphQLSchema, { definitions }: DocumentNode): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const definition of definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION)
      for (const { variable, type, defaultValue } of definition.variableDefinitions ?? [])
        if (type.kind === Kind.NON_NULL_TYPE && !defaultValue)
          values[variable.name.value] = createSampleValue(typeFromAST(schema, type) as GraphQLInputType)
  return values
}

function createSampleValue(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return createSampleValue(type.ofType)
  if (isListType(type)) return []
  if (isEnumType(type)) return type.getValues()[0]!.name
  if (isInputObjectType(type)) {
    const required = Object.values(type.getFields()).filter(isRequiredInputField)
    return Object.fromEntries(required.map((field) => [field.name, createSampleValue(field.type)]))
  }
  if (type === GraphQLBoolean) return false
  return type === GraphQLInt || type === GraphQLFloat ? 0 : '0'
}

const silentLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
