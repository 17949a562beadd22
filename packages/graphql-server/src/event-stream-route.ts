import type { ServerSentEvent } from '@halles/fastify-service/event-streams'
import { AppError } from '@halles/errors/app-error'
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql'
import { parseRequestParams, type Request, type RequestParams, type Response } from 'graphql-http'
import { loadCodes, toGraphQLError } from './client-errors.ts'
import type { Execute, GraphQLContext, Subscribe, SubscriptionEvent } from './execution.ts'

type RawRequest = Request<FastifyRequest, { reply: FastifyReply }>

/** How operations are parsed, validated and executed: the same as for all other requests to the endpoint. */
export type Operations = {
  schema: () => GraphQLSchema
  createContext: (request: FastifyRequest, reply: FastifyReply) => GraphQLContext
  /** Reads the parameters of a request in another way than by its own query; undefined to read that. */
  parseParams: ((request: RawRequest) => Promise<RequestParams | Response | void>) | undefined
  /** @throws GraphQLError */
  parse: (text: string) => DocumentNode
  validate: (schema: GraphQLSchema, document: DocumentNode) => readonly GraphQLError[]
  execute: Execute
  subscribe: Subscribe
}

/** The event after which a client does not connect again. */
const complete: ServerSentEvent = { event: 'complete', data: '' }

const toNext = ({ id, result }: SubscriptionEvent): ServerSentEvent => ({
  event: 'next',
  id,
  data: JSON.stringify(result),
})

/** What a client is sent when its access token has expired or was revoked. */
const tokenEnded: readonly ServerSentEvent[] = [
  toNext({
    result: {
      errors: [toGraphQLError(new AppError('UNAUTHENTICATED', 'This access token has expired or was revoked.'))],
    },
  }),
  complete,
]

/**
 * Creates the handler of operations over Server-Sent Events: the distinct connections mode of the GraphQL over Server-Sent Events
 * protocol (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md), whose events have ids here. A subscription has many
 * results, any other operation one. Errors of an operation are a result; a request that is no operation, or is refused because of
 * load, is answered as without an event stream.
 */
export function createEventStreamHandler(operations: Operations) {
  const { schema, createContext, parse, validate, execute, subscribe } = operations
  const parseParams = async (request: RawRequest): Promise<RequestParams | Response> =>
    (await operations.parseParams?.(request)) ?? parseRequestParams(request)

  const start = async (
    { query, operationName, variables }: RequestParams,
    contextValue: GraphQLContext,
  ): Promise<AsyncIterable<SubscriptionEvent> | ExecutionResult> => {
    const document = parse(query)
    const errors = validate(schema(), document)
    if (errors.length > 0) return { errors }
    const operation = getOperationAST(document, operationName)
    if (!operation) throw new GraphQLError('Send one operation, or operationName.', { extensions: unknownOperation })
    if (operation.operation === OperationTypeNode.MUTATION && contextValue.request.method === 'GET')
      throw new GraphQLError('A mutation needs POST.', { extensions: unknownOperation })
    const args = {
      schema: schema(),
      document,
      operationName: operationName ?? null,
      variableValues: variables ?? null,
      contextValue,
    }
    return operation.operation === OperationTypeNode.SUBSCRIPTION ? subscribe(args) : execute(args)
  }

  return {
    /** Whether a request that also accepts another media type is a subscription, which only an event stream can answer. */
    isSubscription: async (request: FastifyRequest, reply: FastifyReply): Promise<boolean> => {
      try {
        const params = await parseParams(toRawRequest(request, reply))
        if (isResponse(params)) return false
        const operation = getOperationAST(parse(params.query), params.operationName)
        return operation?.operation === OperationTypeNode.SUBSCRIPTION
      } catch {
        return false // the handler of all other requests answers the error
      }
    },

    handle: async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const stream = request.server.eventStreams.open(request, reply)
      const params = await parseParams(toRawRequest(request, reply)).catch((error: Error) => {
        throw new AppError('VALIDATION_FAILED', error.message)
      })
      if (isResponse(params)) {
        const [body, { status, headers = {} }] = params
        return reply.status(status).headers(headers).send(body)
      }
      const context = { ...createContext(request, reply), signal: stream.signal }
      const started = await start(params, context).catch((error: unknown) => {
        if (error instanceof GraphQLError) return { errors: [error] }
        throw error
      })
      if (!(Symbol.asyncIterator in started)) throwLoadError(started)
      return stream.send(toEvents(started), tokenEnded)
    },
  }
}

/** @throws AppError when an operation was refused because of load */
function throwLoadError({ data, errors = [] }: ExecutionResult): void {
  const [error] = errors
  if (data !== undefined || !loadCodes.has(error?.extensions['code'])) return
  const { code, retryAfter } = error!.extensions as AppError['extensions']
  throw new AppError(code, error!.message, retryAfter === undefined ? {} : { retryAfter })
}

const unknownOperation = { code: 'VALIDATION_FAILED' } as const

async function* toEvents(started: AsyncIterable<SubscriptionEvent> | ExecutionResult): AsyncGenerator<ServerSentEvent> {
  if (Symbol.asyncIterator in started) for await (const event of started) yield toNext(event)
  else yield toNext({ result: started })
  yield complete
}

const isResponse = (params: RequestParams | Response): params is Response => Array.isArray(params)

const toRawRequest = (request: FastifyRequest, reply: FastifyReply): RawRequest => ({
  method: request.method,
  url: request.url,
  headers: request.headers,
  body: request.body as RawRequest['body'],
  raw: request,
  context: { reply },
})
