import type { GraphQLDataSource } from '@apollo/gateway'
import { isBusyError } from '@halles/concurrency/adaptive-limit'
import { isErrorCode, AppError, type ErrorCode, type FieldError } from '@halles/errors/app-error'
import type { Logger } from '@halles/telemetry/log'
import { LRUCache } from 'lru-cache'
import { type UpstreamClient } from '../upstream/upstream-client.ts'
import { createTimeoutError, createUnavailableError, type UpstreamResponse } from '../upstream/upstream-response.ts'
import { expandPath, findResponseNames, type FailedFetch, type Path, type SubgraphError } from './partial-failure.ts'

/**
 * The context of one operation, shared by its fetches. A fetch records its errors here; the executor sees none of them
 * (docs/decisions/0015).
 */
export type OperationContext = {
  log: Logger
  /** The request headers of every fetch. */
  headers: Record<string, string>
  /** When the operation must be answered, in milliseconds since 1970. */
  deadline: number
  /** The event of a subscription, which is the response to the first fetch. */
  event?: UpstreamResponse
  /** The data fetched so far. The executor merges into these very objects, so they hold the path of every entity. */
  data: Record<string, unknown>
  failedFetches: FailedFetch[]
  subgraphErrors: SubgraphError[]
}

/** A subgraph, as the executor fetches from it, and its event streams, which subscriptions follow. */
export type Subgraph = GraphQLDataSource & Pick<UpstreamClient, 'openEvents'>

export type FetchOutcome = 'ok' | 'errors' | 'unavailable' | 'timeout' | 'invalid_response'

/** The cache of subgraph operations: its largest number, and of bytes in all. Each is held as text and as JSON. */
const OPERATION_CACHE = { max: 2000, maxSize: 8_000_000, sizeCalculation: ({ json }: Operation) => 2 * json.length }

/** A subgraph operation: the beginning of its request body, and what is derived from its text. */
type Operation = { json: string; idempotent: boolean; isSubscription: boolean; responseNames: () => string[] }
type Fetch = { operation: Operation; path: Path; representations: number | undefined }
type SubgraphResponse = { data?: Record<string, unknown> | null; errors?: SubgraphResponseError[] }
type SubgraphResponseError = { message?: unknown; path?: Path; extensions?: Record<string, unknown> }

/**
 * Creates the data source with which the executor of @apollo/gateway fetches from one subgraph. It replaces Apollo's
 * RemoteGraphQLDataSource, which was the largest cost of an operation.
 *
 * @param onFetch called after each fetch with its outcome and duration
 */
export function createSubgraphDataSource(
  upstream: Pick<UpstreamClient, 'post' | 'openEvents'>,
  onFetch: (outcome: FetchOutcome, seconds: number) => void,
): Subgraph {
  const operations = new LRUCache<string, Operation>(OPERATION_CACHE)
  const findOperation = (query: string): Operation => {
    const cached = operations.get(query)
    if (cached) return cached
    let responseNames: string[] | undefined
    const operation = {
      json: `{"query":${JSON.stringify(query)},"variables":`,
      // The gateway never sends a mutation twice.
      idempotent: !query.startsWith('mutation'),
      isSubscription: query.startsWith('subscription'),
      responseNames: () => (responseNames ??= findResponseNames(query)),
    }
    operations.set(query, operation)
    return operation
  }

  return {
    openEvents: upstream.openEvents,
    async process({ request, context, ...more }) {
      const operationContext = context as OperationContext
      const operation = findOperation(request.query ?? '')
      const fetch = {
        operation,
        path: ('pathInIncomingRequest' in more && more.pathInIncomingRequest) || [],
        representations: (request.variables?.['representations'] as unknown[] | undefined)?.length,
      }
      const startedAt = performance.now()
      try {
        const body = `${operation.json}${JSON.stringify(request.variables ?? {})}}`
        const { headers, deadline, event } = operationContext
        const response =
          operation.isSubscription && event
            ? event
            : await upstream.post('/graphql', headers, body, operation.idempotent, deadline)
        const { data = null, errors } = parseResponse(response, fetch)
        if (response !== event) onFetch(errors ? 'errors' : 'ok', (performance.now() - startedAt) / 1000)
        if (errors) recordErrors(errors, fetch, operationContext)
        if (data && fetch.representations === undefined) mergeRootFields(operationContext.data, data)
        return { data }
      } catch (thrown) {
        const error = thrown instanceof AppError ? thrown : createInternalError(thrown)
        onFetch(outcomes[error.code] ?? 'invalid_response', (performance.now() - startedAt) / 1000)
        if (!isBusyError(error))
          operationContext.log.warn({ err: error.cause ?? error, code: error.code }, 'subgraph fetch failed')
        const paths = findPaths(operationContext, fetch)
        operationContext.failedFetches.push({ paths, responseNames: operation.responseNames(), error })
        return { data: null }
      }
    },
  }
}

const outcomes: Partial<Record<ErrorCode, FetchOutcome>> = { UNAVAILABLE: 'unavailable', TIMEOUT: 'timeout' }

const createInternalError = (cause?: unknown): AppError =>
  new AppError('INTERNAL', 'Something went wrong here.', { cause })

/**
 * Parses a response as GraphQL.
 *
 * @throws AppError `TIMEOUT` or `UNAVAILABLE` when it is no GraphQL (the error page of a proxy, for example); Error when it
 *   is GraphQL that does not fit the fetch
 */
function parseResponse({ status, text }: UpstreamResponse, { representations }: Fetch): SubgraphResponse {
  const response = parseGraphQL(text)
  if (!response) {
    const cause = new Error(`the subgraph answered ${status} without a GraphQL response`)
    throw status === 504 ? createTimeoutError(cause) : createUnavailableError(cause)
  }
  const { data, errors } = response
  if (!data && !errors) throw new Error('the subgraph answered neither data nor errors')
  if (data && representations !== undefined && (data['_entities'] as unknown[] | null)?.length !== representations)
    throw new Error('the subgraph answered another number of entities than requested')
  return response
}

/** Undefined when the text is no GraphQL response. */
function parseGraphQL(text: string): SubgraphResponse | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined // the caller throws
  }
  if (!isObject(value) || !('data' in value || 'errors' in value)) return undefined
  const { data = null, errors } = value
  if (data !== null && !isObject(data)) return undefined
  return errors === undefined || (Array.isArray(errors) && errors.length > 0 && errors.every(isObject))
    ? value
    : undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function mergeRootFields(target: OperationContext['data'], data: Record<string, unknown>): void {
  // A field that is already there is the object that the executor merges into.
  for (const name of Object.keys(data)) target[name] ??= data[name]
}

/** The paths of the objects that a fetch is about; for an entity fetch one path for each representation. */
function findPaths({ data }: OperationContext, { path, representations }: Fetch): Path[] {
  const paths = expandPath(data, path)
  return representations === undefined || paths.length === representations ? paths : paths.slice(0, representations)
}

/** Records the errors of a response: one with a path at that path, others for everything that the fetch did not bring. */
function recordErrors(errors: readonly SubgraphResponseError[], fetch: Fetch, context: OperationContext): void {
  const paths = findPaths(context, fetch)
  const responseNames = fetch.operation.responseNames
  for (const responseError of errors) {
    const error = toClientError(responseError, context.log)
    const path = Array.isArray(responseError.path) ? (responseError.path as Path) : []
    if (fetch.representations === undefined) {
      if (path.length > 0) context.subgraphErrors.push({ path: [...fetch.path, ...path], error })
      else context.failedFetches.push({ paths, responseNames: responseNames(), error })
      continue
    }
    // `_entities`, the index of the entity, and the path within it.
    const [, index, ...rest] = path
    const entityPath = typeof index === 'number' ? paths[index] : undefined
    if (!entityPath) context.failedFetches.push({ paths, responseNames: responseNames(), error })
    else if (rest.length > 0) context.subgraphErrors.push({ path: [...entityPath, ...rest], error })
    else context.failedFetches.push({ paths: [entityPath], responseNames: responseNames(), error })
  }
}

/**
 * Converts a subgraph's error by its code. An error without an error code of ours is a bug: it is logged, and the client gets
 * `INTERNAL`.
 */
function toClientError({ message, extensions = {} }: SubgraphResponseError, log: Logger): AppError {
  const { code, errors, retryAfter, traceId } = extensions
  if (isErrorCode(code) && !gatewayFaults.has(code))
    return new AppError(code, String(message), {
      ...(Array.isArray(errors) && { errors: errors as FieldError[] }),
      ...(typeof retryAfter === 'number' && { retryAfter }),
    })
  log.error({ code, message, traceId }, 'subgraph answered an internal error')
  return createInternalError()
}

/** Codes by which a subgraph refuses the gateway's own request: the client did nothing wrong. */
const gatewayFaults = new Set<ErrorCode>([
  'INTERNAL',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'UNSUPPORTED_MEDIA_TYPE',
])
