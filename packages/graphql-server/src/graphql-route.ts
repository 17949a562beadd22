import type { App } from '@halles/fastify-service/app'
import { acceptsEventStream } from '@halles/fastify-service/event-streams'
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  specifiedRules,
  validate,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
  type ValidationRule,
} from 'graphql'
import { createHandler } from 'graphql-http/lib/use/fastify'
import { LRUCache } from 'lru-cache'
import {
  checkLimits,
  operationCosts,
  countFields,
  tooComplexError,
  type CostFunction,
  type OperationLimits,
  type CostFactors,
} from './operation-limits.ts'
import { loadCodes, toClientError, toGraphQLError, withCode, withoutSuggestions } from './client-errors.ts'
import { createEventStreamHandler } from './event-stream-route.ts'
import type { Execute, GraphQLContext, Subscribe, SubscriptionEvent } from './execution.ts'
import { parseWithinLimits } from './limited-parser.ts'
import { toGraphQLResponse } from './graphql-response.ts'
import { resolvePersistedOperation, type PersistedOperations } from './persisted-operations.ts'
import { isErrorCode, AppError, errorCodes } from '@halles/errors/app-error'

/** The most characters of an operation's name that are logged. */
const MAX_NAME_LENGTH = 100

/** What a cached document takes of the heap for each of its tokens, in bytes: 240 to 480 for its nodes, and its cost functions. */
const BYTES_PER_TOKEN = 600

/** Bounds of the cache of valid documents: their number, and about how many bytes they take. */
const DOCUMENT_CACHE = { max: 1000, maxSize: 24_000_000 }

/** Options of a GraphQL endpoint. */
export type GraphQLRouteOptions = {
  limits: OperationLimits
  costFactors: CostFactors
  /** Operations that clients may send by id. */
  persisted?: PersistedOperations
  /** Whether to reject introspection and `_service`, and to remove suggestions of names from error messages. */
  hideSchema?: boolean
  /** Called with the cost of each operation before its execution. Throws an AppError to reject it, such as a rate limit. */
  onCost?: (context: GraphQLContext, cost: number) => void
  /** Starts subscriptions, which are served to clients that accept `text/event-stream`. */
  subscribe?: Subscribe
}

/**
 * Serves GraphQL over HTTP at `/graphql` by the reference implementation of its specification, graphql-http. Valid
 * documents within the limits are cached by their text, others not at all; errors carry the codes of `errorCodes`.
 *
 * `schema` is called for each request, so the schema may change; the caches are then emptied.
 */
export function registerGraphQLRoute(
  app: App,
  schema: () => GraphQLSchema,
  execute: Execute,
  { limits, costFactors, persisted, hideSchema = false, onCost, subscribe }: GraphQLRouteOptions,
): void {
  let cache = { schema: schema(), documents: new LRUCache<string, DocumentNode>(DOCUMENT_CACHE) }
  let costs = new WeakMap<DocumentNode, Map<string | undefined, CostFunction>>()
  const currentSchema = (): GraphQLSchema => {
    const current = schema()
    if (current !== cache.schema) {
      cache = { schema: current, documents: new LRUCache(DOCUMENT_CACHE) }
      costs = new WeakMap()
    }
    return current
  }
  const rules = [
    ...specifiedRules,
    UnconditionalSubscriptionRule,
    ...(hideSchema ? [NoSchemaIntrospectionCustomRule, NoServiceSdlRule] : []),
  ]

  /** @throws AppError when the operation costs more than the limit, or than `onCost` allows this client. */
  const checkCost = (
    { schema: executed, document, operationName, variableValues }: ExecutionArgs,
    context: GraphQLContext,
  ): void => {
    let operations = costs.get(document)
    const planningCost = operations ? 0 : countFields(document) * costFactors.planned
    if (!operations) costs.set(document, (operations = operationCosts(executed, document, costFactors)))
    const costOf = operationName ? operations.get(operationName) : operations.values().next().value
    const cost = costOf?.(variableValues) ?? 0
    if (cost > limits.cost) throw tooComplexError('objects to fetch', limits.cost, cost)
    onCost?.(context, cost + planningCost)
  }

  const validateDocument = (against: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] => {
    try {
      return validate(against, document, rules, { hideSuggestions: hideSchema }).map((error) =>
        withCode(error, 'GRAPHQL_VALIDATION_FAILED'),
      )
    } catch (error) {
      if (error instanceof RangeError) return [tooDeeplyNested()]
      throw error
    }
  }

  const parse = (text: string): DocumentNode => {
    const known = cache.documents.get(text)
    if (known) return known
    try {
      const document = parseWithinLimits(text, limits)
      const limitError = checkLimits(document, limits)
      if (limitError) throw limitError
      return document
    } catch (error) {
      if (error instanceof RangeError) throw tooDeeplyNested()
      if (error instanceof AppError) throw toGraphQLError(error)
      throw tooManyTokens.test((error as Error).message)
        ? toGraphQLError(tooComplexError('tokens', limits.tokens))
        : withCode(error as GraphQLError, 'GRAPHQL_PARSE_FAILED')
    }
  }

  const validateOnce = (against: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] => {
    const text = document.loc!.source.body
    if (cache.documents.peek(text) === document) return []
    const errors = validateDocument(against, document)
    if (errors.length === 0)
      cache.documents.set(text, document, { size: text.length + document.tokenCount! * BYTES_PER_TOKEN })
    return errors
  }

  /** Names the operation in the log, and returns the errors for which it may not be executed. */
  const admit = (args: ExecutionArgs, context: GraphQLContext): { errors: GraphQLError[] } | undefined => {
    context.request.operation = operationNameIn(args.document, args.operationName)
    try {
      checkCost(args, context)
      return undefined
    } catch (error) {
      if (error instanceof AppError) return { errors: [toGraphQLError(error)] }
      throw error
    }
  }

  const toClientResult = (result: ExecutionResult, context: GraphQLContext): ExecutionResult => {
    if (!result.errors) return result
    const errors = result.errors.map((error) => toClientError(error, context))
    return { ...result, errors: hideSchema ? errors.map(withoutSuggestions) : errors }
  }

  const executeForClient: Execute = async (args) => {
    const context = args.contextValue
    const refused = admit(args, context)
    if (refused) return refused
    return toClientResult(await execute(args).catch(toErrorResult), context)
  }

  const handler = createHandler<GraphQLContext>({
    schema: currentSchema,
    context: (request) => createContext(request.raw, request.context.reply),
    ...(persisted && { parseRequestParams: (request) => resolvePersistedOperation(request, persisted) }),
    parse: (source) => parse(typeof source === 'string' ? source : source.body),
    validate: validateOnce,
    execute: (args) => executeForClient({ ...args, contextValue: args.contextValue as GraphQLContext }),
    // A response without data is a request error, for which graphql-http would send 200.
    onOperation: ({ raw }, _args, { data, errors }) => {
      if (data !== undefined || !errors) return undefined
      const { code, retryAfter } = errors[0]?.extensions ?? {}
      if (!prefersGraphQLResponse(raw.headers.accept) && !loadCodes.has(code)) return undefined
      return toGraphQLResponse(
        isErrorCode(code) ? errorCodes[code].http : 400,
        { errors },
        {
          'content-type': `${GRAPHQL_RESPONSE}; charset=utf-8`,
          ...(typeof retryAfter === 'number' && { 'retry-after': String(retryAfter) }),
        },
      )
    },
    // Errors of graphql-http itself: no query, variables that are not an object, …
    formatError: (error) =>
      error instanceof GraphQLError && isErrorCode(error.extensions['code'])
        ? error
        : new GraphQLError(error.message.replace(NO_SUBSCRIPTIONS, 'A subscription needs Accept: text/event-stream.'), {
            extensions: { code: 'VALIDATION_FAILED' },
          }),
  })

  const eventStreams = createEventStreamHandler({
    schema: currentSchema,
    createContext,
    parseParams: persisted && ((request) => resolvePersistedOperation(request, persisted)),
    parse,
    validate: validateOnce,
    execute: executeForClient,
    subscribe: async (args) => {
      const refused = admit(args, args.contextValue)
      if (refused) return refused
      if (!subscribe) return { errors: [new GraphQLError(NO_SUBSCRIPTIONS)] } // no valid document has one
      const started = await subscribe(args).catch(toErrorResult)
      return Symbol.asyncIterator in started
        ? mapResults(started, (result) => toClientResult(result, args.contextValue))
        : toClientResult(started, args.contextValue)
    },
  })

  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    schema: { hide: true },
    handler: async function (request, reply) {
      if (
        acceptsEventStream(request) &&
        (!acceptsResponse(request) || (await eventStreams.isSubscription(request, reply)))
      )
        return eventStreams.handle(request, reply)
      return handler.call(this, request, reply)
    },
  })
}

/** The message of graphql-http for a subscription. */
const NO_SUBSCRIPTIONS = 'Subscriptions are not supported'

const toErrorResult = (error: Error): { errors: GraphQLError[] } => ({
  errors: [new GraphQLError(error.message, { originalError: error })],
})

async function* mapResults(
  events: AsyncIterable<SubscriptionEvent>,
  toResult: (result: ExecutionResult) => ExecutionResult,
): AsyncGenerator<SubscriptionEvent> {
  for await (const { id, result } of events) yield { id, result: toResult(result) }
}

/** Whether a client accepts a single response. */
const acceptsResponse = ({ headers }: FastifyRequest): boolean =>
  /application\/(graphql-response\+json|json|\*)|\*\/\*/i.test(headers.accept ?? '*/*')

/**
 * Rejects `_service { sdl }`, which discloses as much as introspection. The gateway does not need it, because the supergraph is
 * composed at build time.
 */
const NoServiceSdlRule: ValidationRule = (context) => ({
  Field: (node) => {
    if (node.name.value === '_service' && context.getParentType() === context.getSchema().getQueryType())
      context.reportError(new GraphQLError('This subgraph does not disclose its schema.', { nodes: node }))
  },
})

/** Rejects `@skip` and `@include` at the root field of a subscription (GraphQL specification, 5.2.4.1; graphql-js from version 17). */
const UnconditionalSubscriptionRule: ValidationRule = (context) => ({
  OperationDefinition: ({ operation, selectionSet: { selections } }) => {
    for (const { directives = [] } of operation === OperationTypeNode.SUBSCRIPTION ? selections : [])
      if (directives.some(({ name }) => name.value === 'skip' || name.value === 'include'))
        context.reportError(
          new GraphQLError('The root field of a subscription must not be conditional.', { nodes: directives }),
        )
  },
})

const createContext = (request: FastifyRequest, reply: FastifyReply): GraphQLContext => ({
  principal: request.principal,
  log: request.log,
  request,
  reply,
})

/** The message of graphql-js when a document exceeds `maxTokens`. */
const tooManyTokens = /^Syntax Error: Document contains more th\w+ \d+ tokens/

/** The error for a document within the limits that still overflows the stack. */
const tooDeeplyNested = (): GraphQLError =>
  toGraphQLError(new AppError('QUERY_TOO_COMPLEX', 'This operation is nested too deeply.'))

const GRAPHQL_RESPONSE = 'application/graphql-response+json'

/** Whether the client prefers the media type under which the HTTP status reports success or failure (GraphQL over HTTP). */
function prefersGraphQLResponse(accept = ''): boolean {
  const first = /application\/(graphql-response\+json|json|\*)|\*\/\*/i.exec(accept)
  return first?.[0].toLowerCase() === GRAPHQL_RESPONSE
}

const operationNameIn = ({ definitions }: DocumentNode, name: string | null | undefined): string | undefined =>
  (name ?? definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION)?.name?.value)?.slice(0, MAX_NAME_LENGTH)
