import type { GraphQLDataSource } from '@apollo/gateway'
import { isCode, Refusal, type Code, type Fault } from '@halles/service/refusal'
import type { Logger } from '@halles/service/log'
import { LRUCache } from 'lru-cache'
import { keysOf, placesOf, type Missed, type Path, type Told } from './missing.ts'
import type { Answer, Upstream } from './upstream.ts'

/** One client's request, as its fetches see it. They write down what went wrong: the executor is told of nothing. */
export type Asking = {
  log: Logger
  /** What is passed on to subgraphs. */
  headers: Record<string, string>
  /** What was fetched so far. The executor merges into these very objects, so they know where everything is. */
  tree: Record<string, unknown>
  missed: Missed[]
  told: Told[]
}

export type Outcome = 'ok' | 'errors' | 'unavailable' | 'timeout' | 'broken'

/** How many operations of a subgraph are kept as JSON, and how many characters in all. */
const OPERATIONS = { max: 2000, maxSize: 16_000_000, sizeCalculation: ({ json }: Operation) => json.length }

type Operation = { json: string; repeatable: boolean; keys: () => string[] }
type Fetch = { operation: Operation; path: Path; representations: number | undefined }
type GraphQLAnswer = { data?: Record<string, unknown> | null; errors?: SubgraphError[] }
type SubgraphError = { message?: unknown; path?: Path; extensions?: Record<string, unknown> }

/** A subgraph, as the executor of @apollo/gateway fetches from it: in place of its own data source, which costs most. */
export function subgraphAt(
  upstream: Pick<Upstream, 'post'>,
  seen: (outcome: Outcome, seconds: number) => void,
): GraphQLDataSource {
  const operations = new LRUCache<string, Operation>(OPERATIONS)
  const operationOf = (query: string): Operation => {
    const known = operations.get(query)
    if (known) return known
    let keys: string[] | undefined
    const operation = {
      json: `{"query":${JSON.stringify(query)},"variables":`,
      // The gateway never sends a mutation twice.
      repeatable: !query.startsWith('mutation'),
      keys: () => (keys ??= keysOf(query)),
    }
    operations.set(query, operation)
    return operation
  }

  return {
    async process({ request, context, ...more }) {
      const asking = context as Asking
      const operation = operationOf(request.query ?? '')
      const fetch = {
        operation,
        path: ('pathInIncomingRequest' in more && more.pathInIncomingRequest) || [],
        representations: (request.variables?.['representations'] as unknown[] | undefined)?.length,
      }
      const began = performance.now()
      try {
        const body = `${operation.json}${JSON.stringify(request.variables ?? {})}}`
        const answer = read(await upstream.post('/graphql', asking.headers, body, operation.repeatable), fetch)
        seen(answer.errors ? 'errors' : 'ok', (performance.now() - began) / 1000)
        if (answer.errors) writeDown(answer.errors, fetch, asking)
        const { data = null } = answer
        if (data && fetch.representations === undefined) keep(asking.tree, data)
        return { data }
      } catch (error) {
        const refusal = error instanceof Refusal ? error : new Refusal('INTERNAL', WRONG, { cause: error })
        seen(outcomes[refusal.code] ?? 'broken', (performance.now() - began) / 1000)
        asking.log.warn({ err: refusal.cause ?? refusal, code: refusal.code }, 'subgraph did not answer')
        asking.missed.push({ places: placesIn(asking, fetch), keys: operation.keys(), refusal })
        return { data: null }
      }
    },
  }
}

const outcomes: Partial<Record<Code, Outcome>> = { UNAVAILABLE: 'unavailable', TIMEOUT: 'timeout' }

const WRONG = 'Something went wrong here.'

/** An answer as GraphQL. What is none, an error page say, is as good as no answer. */
function read({ status, text }: Answer, { representations }: Fetch): GraphQLAnswer {
  const answer = parsed(text)
  if (!answer) {
    const cause = new Error(`answered ${status}, and no GraphQL`)
    throw status === 504
      ? new Refusal('TIMEOUT', 'This part took too long to answer.', { cause })
      : new Refusal('UNAVAILABLE', 'This part cannot be answered right now.', { cause })
  }
  const { data, errors } = answer
  if (!data && !errors) throw new Error('answered neither data nor errors')
  if (data && representations !== undefined && (data['_entities'] as unknown[] | null)?.length !== representations)
    throw new Error('answered another number of entities than it was asked for')
  return answer
}

function parsed(text: string): GraphQLAnswer | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined // told by the caller
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

function keep(tree: Asking['tree'], data: Record<string, unknown>): void {
  // A field that is there already is the object that the executor merges into.
  for (const key of Object.keys(data)) tree[key] ??= data[key]
}

/** The places that a fetch is about; with representations, one for each of them. */
function placesIn({ tree }: Asking, { path, representations }: Fetch): Path[] {
  const places = placesOf(tree, path)
  return representations === undefined || places.length === representations ? places : places.slice(0, representations)
}

/** Writes down a subgraph's errors: those with a place at that place, others for all that the fetch did not bring. */
function writeDown(errors: readonly SubgraphError[], fetch: Fetch, asking: Asking): void {
  const places = placesIn(asking, fetch)
  for (const error of errors) {
    const refusal = refusalIn(error, asking.log)
    const keys = fetch.operation.keys
    const path = Array.isArray(error.path) ? (error.path as Path) : []
    if (fetch.representations === undefined) {
      if (path.length > 0) asking.told.push({ path: [...fetch.path, ...path], refusal })
      else asking.missed.push({ places, keys: keys(), refusal })
      continue
    }
    const [, index, ...rest] = path
    const place = typeof index === 'number' ? places[index] : undefined
    if (!place) asking.missed.push({ places, keys: keys(), refusal })
    else if (rest.length > 0) asking.told.push({ path: [...place, ...rest], refusal })
    else asking.missed.push({ places: [place], keys: keys(), refusal })
  }
}

/** A subgraph's error by its code, and nothing else of it. One without a code of ours is a bug, and stays inside. */
function refusalIn({ message, extensions = {} }: SubgraphError, log: Logger): Refusal {
  const { code, errors, retryAfter, traceId } = extensions
  if (isCode(code) && !ours.has(code))
    return new Refusal(code, String(message), {
      ...(Array.isArray(errors) && { errors: errors as Fault[] }),
      ...(typeof retryAfter === 'number' && { retryAfter }),
    })
  log.error({ code, message, traceId }, 'subgraph failed')
  return new Refusal('INTERNAL', WRONG)
}

/** Codes that say that the gateway asked wrongly: no fault of its client. */
const ours = new Set<Code>(['INTERNAL', 'GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'UNSUPPORTED_MEDIA_TYPE'])
