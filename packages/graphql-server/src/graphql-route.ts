import type { App } from '@halles/fastify-service/app'
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  specifiedRules,
  validate,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLErrorExtensions,
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
import { parseWithinLimits } from './limited-parser.ts'
import { toGraphQLResponse } from './graphql-response.ts'
import type { Logger } from '@halles/telemetry/log'
import { resolvePersistedOperation, type PersistedOperations } from './persisted-operations.ts'
import type { Principal } from '@halles/auth/principal'
import { isErrorCode, AppError, toAppError, errorCodes } from '@halles/errors/app-error'
import { traceId } from '@halles/telemetry/trace'

/** The context of every resolver. `principal` is the authenticated user, undefined without an access token. */
export type GraphQLContext = {
  principal: Principal | undefined
  log: Logger
  request: FastifyRequest
  reply: FastifyReply
}

export type Execute = (args: ExecutionArgs & { contextValue: GraphQLContext }) => Promise<ExecutionResult>

/** Codes by which an operation is refused before its execution, whatever it is: the status says so to every client. */
const loadCodes: ReadonlySet<unknown> = new Set(['RATE_LIMITED', 'UNAVAILABLE'])

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
  { limits, costFactors, persisted, hideSchema = false, onCost }: GraphQLRouteOptions,
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
  const rules = hideSchema ? [...specifiedRules, NoSchemaIntrospectionCustomRule, NoServiceSdlRule] : specifiedRules

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

  const handler = createHandler<GraphQLContext>({
    schema: currentSchema,
    context: (request) => createContext(request.raw, request.context.reply),
    ...(persisted && { parseRequestParams: (request) => resolvePersistedOperation(request, persisted) }),
    parse: (source) => {
      const text = typeof source === 'string' ? source : source.body
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
    },
    validate: (against, document) => {
      const text = document.loc!.source.body
      if (cache.documents.peek(text) === document) return []
      const errors = validateDocument(against, document)
      if (errors.length === 0)
        cache.documents.set(text, document, { size: text.length + document.tokenCount! * BYTES_PER_TOKEN })
      return errors
    },
    execute: async (args) => {
      const context = args.contextValue as GraphQLContext
      context.request.operation = operationNameIn(args.document, args.operationName)
      try {
        checkCost(args, context)
      } catch (error) {
        if (error instanceof AppError) return { errors: [toGraphQLError(error)] }
        throw error
      }
      const result = await execute({ ...args, contextValue: context }).catch((error: Error) => ({
        errors: [new GraphQLError(error.message, { originalError: error })],
      }))
      if (!result.errors) return result
      const errors = result.errors.map((error) => toClientError(error, context))
      return { ...result, errors: hideSchema ? errors.map(withoutSuggestions) : errors }
    },
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
        : new GraphQLError(error.message, { extensions: { code: 'VALIDATION_FAILED' } }),
  })

  app.route({ method: ['GET', 'POST'], url: '/graphql', schema: { hide: true }, handler })
}

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

const toGraphQLError = ({ message, extensions }: AppError): GraphQLError => new GraphQLError(message, { extensions })

const GRAPHQL_RESPONSE = 'application/graphql-response+json'

/** Whether the client prefers the media type under which the HTTP status reports success or failure (GraphQL over HTTP). */
function prefersGraphQLResponse(accept = ''): boolean {
  const first = /application\/(graphql-response\+json|json|\*)|\*\/\*/i.exec(accept)
  return first?.[0].toLowerCase() === GRAPHQL_RESPONSE
}

const operationNameIn = ({ definitions }: DocumentNode, name: string | null | undefined): string | undefined =>
  (name ?? definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION)?.name?.value)?.slice(0, MAX_NAME_LENGTH)

const withCode = (error: GraphQLError, code: string): GraphQLError => copyError(error, error.message, { code })

/** Removes the names that graphql-js suggests in errors of variables, where its option `hideSuggestions` has no effect. */
const withoutSuggestions = (error: GraphQLError): GraphQLError =>
  copyError(error, error.message.replace(/ Did you mean .*\?$/s, ''), error.extensions)

/** Maps an execution error to what clients may see: AppErrors and invalid variables with their code, any other as `INTERNAL`. */
function toClientError(error: GraphQLError, { log }: GraphQLContext): GraphQLError {
  const cause = error.originalError ?? undefined
  const appError = toAppError(cause)
  if (appError) return copyError(error, appError.message, appError.extensions)
  // Errors of graphql-jit may have no extensions.
  if (isErrorCode((error.extensions as GraphQLErrorExtensions | undefined)?.['code'])) return error
  // An error without a path precedes execution: the variables are invalid.
  if (!error.path && (!cause || cause instanceof GraphQLError))
    return copyError(error, error.message, { code: 'VALIDATION_FAILED' })
  log.error({ err: cause ?? error, path: error.path?.join('.') }, 'resolver failed')
  return copyError(error, 'Something went wrong here.', { code: 'INTERNAL', traceId: traceId() })
}

const copyError = (error: GraphQLError, message: string, extensions: Record<string, unknown>): GraphQLError =>
  new GraphQLError(message, {
    ...(error.nodes && { nodes: error.nodes }),
    ...(error.source && { source: error.source }),
    ...(error.positions && { positions: error.positions }),
    ...(error.path && { path: error.path }),
    extensions,
  })
