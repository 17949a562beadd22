import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
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
  beyondLimits,
  costsOf,
  fieldsIn,
  tooComplex,
  type CostOf,
  type Limits,
  type Prices,
} from './document-limits.ts'
import { graphqlAnswer } from './graphql-answer.ts'
import type { Logger } from './log.ts'
import { persistedParams, type PersistedOperations } from './persisted-operations.ts'
import type { Person } from './person.ts'
import { isCode, Refusal, refusalOf, refusals } from './refusal.ts'
import { traceId } from './trace.ts'

/** What every resolver is given: who asks (undefined: no one is signed in), the request and its log. */
export type GraphQLContext = { person: Person | undefined; log: Logger; request: FastifyRequest; reply: FastifyReply }

export type Execute = (args: ExecutionArgs & { contextValue: GraphQLContext }) => Promise<ExecutionResult>

/** How much of an operation's name goes into the log. */
const LONGEST_NAME = 100

/** How many documents stay parsed and validated, and how long their texts may be in all, in characters. */
const DOCUMENTS = {
  max: 1000,
  maxSize: 16_000_000,
  sizeCalculation: (_document: DocumentNode, text: string) => text.length + 1,
}

/** What a GraphQL door lets in. */
export type Door = {
  limits: Limits
  prices: Prices
  /** Operations that clients may name. */
  persisted?: PersistedOperations
  /** Whether introspection and `_service` are refused, and no error suggests the name of a field. */
  secretive?: boolean
  /** Told of each operation before it is executed: what it costs. Throws a Refusal when that is too much for this client. */
  spend?: (context: GraphQLContext, cost: number) => void
}

/**
 * Serves GraphQL over HTTP at `/graphql` by the spec's reference implementation, graphql-http, with parsing and
 * validation remembered for each document text, and errors told by the codes of refusal.ts.
 *
 * `schema` is asked for at each request, so that it can change; everything remembered goes with it.
 */
export function graphqlRoute(
  app: FastifyInstance,
  schema: () => GraphQLSchema,
  execute: Execute,
  { limits, prices, persisted, secretive = false, spend }: Door,
): void {
  let remembered = { schema: schema(), documents: new LRUCache<string, DocumentNode>(DOCUMENTS) }
  let validated = new WeakMap<DocumentNode, readonly GraphQLError[]>()
  let costs = new WeakMap<DocumentNode, Map<string | undefined, CostOf>>()
  const present = (): GraphQLSchema => {
    const now = schema()
    if (now !== remembered.schema) {
      remembered = { schema: now, documents: new LRUCache(DOCUMENTS) }
      validated = new WeakMap()
      costs = new WeakMap()
    }
    return now
  }
  const rules = secretive ? [...specifiedRules, NoSchemaIntrospectionCustomRule, noSdl] : specifiedRules

  /** What an operation costs; refused when that is too much, for anyone or for this client. */
  const pay = (
    { schema: of, document, operationName, variableValues }: ExecutionArgs,
    context: GraphQLContext,
  ): void => {
    let operations = costs.get(document)
    const toPlan = operations ? 0 : fieldsIn(document) * prices.planned
    if (!operations) costs.set(document, (operations = costsOf(of, document, prices)))
    const costOf = operationName ? operations.get(operationName) : operations.values().next().value
    const cost = costOf?.(variableValues) ?? 0
    if (cost > limits.cost) throw tooComplex('objects to fetch', limits.cost, cost)
    spend?.(context, cost + toPlan)
  }

  /** What is wrong with a document: more than one may ask for, or else what validation finds. */
  const faultsIn = (against: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] => {
    const beyond = beyondLimits(document, limits)
    if (beyond) return [refused(beyond)]
    try {
      return validate(against, document, rules, { hideSuggestions: secretive }).map((error) =>
        withCode(error, 'GRAPHQL_VALIDATION_FAILED'),
      )
    } catch (error) {
      if (error instanceof RangeError) return [tooDeep()]
      throw error
    }
  }

  const handler = createHandler<GraphQLContext>({
    schema: present,
    context: (request) => contextOf(request.raw, request.context.reply),
    ...(persisted && { parseRequestParams: (request) => persistedParams(request, persisted) }),
    parse: (source) => {
      const text = typeof source === 'string' ? source : source.body
      const known = remembered.documents.get(text)
      if (known) return known
      try {
        const document = parse(text, { maxTokens: limits.tokens })
        remembered.documents.set(text, document)
        return document
      } catch (error) {
        if (error instanceof RangeError) throw tooDeep()
        throw tooManyTokens.test((error as Error).message)
          ? refused(tooComplex('tokens', limits.tokens))
          : withCode(error as GraphQLError, 'GRAPHQL_PARSE_FAILED')
      }
    },
    validate: (against, document) => {
      const known = validated.get(document)
      if (known) return known
      const errors = faultsIn(against, document)
      validated.set(document, errors)
      return errors
    },
    execute: async (args) => {
      const context = args.contextValue as GraphQLContext
      context.request.operation = operationIn(args.document, args.operationName)
      try {
        pay(args, context)
      } catch (error) {
        if (error instanceof Refusal) return { errors: [refused(error)] }
        throw error
      }
      const result = await execute({ ...args, contextValue: context }).catch((error: Error) => ({
        errors: [new GraphQLError(error.message, { originalError: error })],
      }))
      if (!result.errors) return result
      const errors = result.errors.map((error) => told(error, context))
      return { ...result, errors: secretive ? errors.map(withoutSuggestion) : errors }
    },
    // Without data nothing was executed, which graphql-http does not tell from success.
    onOperation: ({ raw }, _args, { data, errors }) => {
      if (data !== undefined || !errors) return undefined
      const code = errors[0]?.extensions['code']
      if (!wantsStatus(raw.headers.accept) && code !== 'RATE_LIMITED') return undefined
      return graphqlAnswer(isCode(code) ? refusals[code].http : 400, { errors }, `${GRAPHQL_RESPONSE}; charset=utf-8`)
    },
    // What graphql-http itself finds wrong with a request: no query, variables that are not an object, …
    formatError: (error) =>
      error instanceof GraphQLError && isCode(error.extensions['code'])
        ? error
        : new GraphQLError(error.message, { extensions: { code: 'VALIDATION_FAILED' } }),
  })

  app.route({ method: ['GET', 'POST'], url: '/graphql', schema: { hide: true }, handler })
}

/** A subgraph’s `_service { sdl }` tells as much as introspection does; the gateway’s own graph was composed before. */
const noSdl: ValidationRule = (context) => ({
  Field: (node) => {
    if (node.name.value === '_service' && context.getParentType() === context.getSchema().getQueryType())
      context.reportError(new GraphQLError('The schema is not told here.', { nodes: node }))
  },
})

const contextOf = (request: FastifyRequest, reply: FastifyReply): GraphQLContext => ({
  person: request.person,
  log: request.log,
  request,
  reply,
})

/** How graphql-js says that it stopped reading. */
const tooManyTokens = /^Syntax Error: Document contains more th\w+ \d+ tokens/

/** For what is nested so that the stack does not suffice, within the limits. */
const tooDeep = (): GraphQLError => refused(new Refusal('QUERY_TOO_COMPLEX', 'This operation is nested too deeply.'))

const refused = ({ message, extensions }: Refusal): GraphQLError => new GraphQLError(message, { extensions })

const GRAPHQL_RESPONSE = 'application/graphql-response+json'

/** Whether a client takes the media type under which the status tells success from failure, as its first choice. */
function wantsStatus(accept = ''): boolean {
  const first = /application\/(graphql-response\+json|json|\*)|\*\/\*/i.exec(accept)
  return first?.[0].toLowerCase() === GRAPHQL_RESPONSE
}

const operationIn = ({ definitions }: DocumentNode, name: string | null | undefined): string | undefined =>
  (name ?? definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION)?.name?.value)?.slice(0, LONGEST_NAME)

const withCode = (error: GraphQLError, code: string): GraphQLError => shaped(error, error.message, { code })

/** Of variables that do not fit graphql-js suggests names as well, and cannot be told not to. */
const withoutSuggestion = (error: GraphQLError): GraphQLError =>
  shaped(error, error.message.replace(/ Did you mean .*\?$/s, ''), error.extensions)

/** An execution error as a client may see it: ours by their code, bad variables by theirs, anything else as INTERNAL. */
function told(error: GraphQLError, { log }: GraphQLContext): GraphQLError {
  const cause = error.originalError ?? undefined
  const refusal = refusalOf(cause)
  if (refusal) return shaped(error, refusal.message, refusal.extensions)
  // graphql-jit makes errors without extensions.
  if (isCode((error.extensions as GraphQLErrorExtensions | undefined)?.['code'])) return error
  // Without a path nothing was executed: the variables do not fit.
  if (!error.path && (!cause || cause instanceof GraphQLError))
    return shaped(error, error.message, { code: 'VALIDATION_FAILED' })
  log.error({ err: cause ?? error, path: error.path?.join('.') }, 'resolver failed')
  return shaped(error, 'Something went wrong here.', { code: 'INTERNAL', traceId: traceId() })
}

const shaped = (error: GraphQLError, message: string, extensions: Record<string, unknown>): GraphQLError =>
  new GraphQLError(message, {
    ...(error.nodes && { nodes: error.nodes }),
    ...(error.source && { source: error.source }),
    ...(error.positions && { positions: error.positions }),
    ...(error.path && { path: error.path }),
    extensions,
  })
