import { readLastEventId, type ServerSentEvent } from '@halles/fastify-service/event-streams'
import { AppError, isErrorCode } from '@halles/errors/app-error'
import type { GraphQLContext, Subscribe, SubscriptionEvent } from '@halles/graphql-server/execution'
import { GraphQLError, type ExecutionArgs, type ExecutionResult } from 'graphql'
import type { Service } from '../config.ts'
import type { OpenEvents } from '../upstream/event-source.ts'
import { createUnavailableError, type UpstreamResponse } from '../upstream/upstream-response.ts'
import type { OperationContext } from './subgraph.ts'

type Args = ExecutionArgs & { contextValue: GraphQLContext }

/** The first fetch of a subscription's query plan: what the subgraph is to be subscribed with. */
export type PrimaryFetch = { service: Service; query: string; variables: object }

/** What the supergraph does for a subscription. */
export type Plan = {
  /** Plans an operation. Returns its first fetch, or the errors for which it cannot be executed. */
  findPrimaryFetch: (args: Args) => Promise<PrimaryFetch | ExecutionResult>
  createContext: (context: GraphQLContext) => OperationContext
  /** Executes the plan. Its first fetch is answered by `context.event`. */
  execute: (args: Args, context: OperationContext) => Promise<ExecutionResult>
}

/**
 * Creates the function that starts subscriptions, which @apollo/gateway plans but does not execute. The first fetch of the plan is a
 * subscription at the subgraph that owns the root field. Each of its events is the response to that fetch, after which the executor
 * fetches the rest of the plan as for any operation. So a subscription may select fields of every subgraph.
 */
export const createSubscribe =
  (
    plan: Plan,
    openEvents: (service: Service, ...request: Parameters<OpenEvents>) => ReturnType<OpenEvents>,
  ): Subscribe =>
  async (args) => {
    const fetch = await plan.findPrimaryFetch(args)
    if (!('service' in fetch)) return fetch
    const { contextValue } = args
    const { headers } = plan.createContext(contextValue)
    const events = await openEvents(fetch.service, {
      path: '/graphql',
      method: 'POST',
      headers,
      body: JSON.stringify({ query: fetch.query, variables: fetch.variables }),
      lastEventId: readLastEventId(contextValue.request),
      signal: contextValue.signal!,
    })
    return Symbol.asyncIterator in events ? executeEvents(plan, args, events) : toErrors(events)
  }

async function* executeEvents(
  { createContext, execute }: Plan,
  args: Args,
  events: AsyncIterable<ServerSentEvent>,
): AsyncGenerator<SubscriptionEvent> {
  let isComplete = false
  for await (const { event, id, data } of events) {
    isComplete = event === 'complete'
    if (event !== 'next') continue
    const context = { ...createContext(args.contextValue), event: { status: 200, text: data } }
    yield { id, result: await execute(args, context) }
  }
  // Without `complete`, the client connects again, and is told why the subgraph does not continue.
  if (!isComplete) throw new Error('the subgraph has ended a subscription')
}

/** The errors of a subgraph's response that is no event stream: a refusal because of load, or of a token. */
function toErrors({ text }: UpstreamResponse): ExecutionResult {
  let error: { message?: unknown; extensions?: { code?: unknown; retryAfter?: unknown } } | undefined
  try {
    error = (JSON.parse(text) as { errors?: (typeof error)[] }).errors?.[0]
  } catch {
    // No JSON: a proxy has answered, not the service.
  }
  const { code, retryAfter } = error?.extensions ?? {}
  const refusal =
    isErrorCode(code) && clientCodes.has(code)
      ? new AppError(code, String(error!.message), typeof retryAfter === 'number' ? { retryAfter } : {})
      : createUnavailableError(new Error(`a subgraph answered a subscription with ${text}`))
  return { errors: [new GraphQLError(refusal.message, { extensions: refusal.extensions })] }
}

/** The codes of a subgraph's refusal that are about the client, or that it may act upon. */
const clientCodes: ReadonlySet<string> = new Set(['UNAUTHENTICATED', 'RATE_LIMITED', 'UNAVAILABLE', 'TIMEOUT'])
