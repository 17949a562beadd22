import type { Principal } from '@halles/auth/principal'
import type { Logger } from '@halles/telemetry/log'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ExecutionArgs, ExecutionResult } from 'graphql'

/** The context of every resolver. `principal` is the authenticated user, undefined without an access token. */
export type GraphQLContext = {
  principal: Principal | undefined
  log: Logger
  request: FastifyRequest
  reply: FastifyReply
  /** Aborted when nobody reads the event stream of the operation any more; undefined for other operations. */
  signal?: AbortSignal
}

export type Execute = (args: ExecutionArgs & { contextValue: GraphQLContext }) => Promise<ExecutionResult>

/** One result of a subscription. A client that has lost its connection resumes after the result with this id. */
export type SubscriptionEvent = { id?: string | undefined; result: ExecutionResult }

/**
 * Starts a subscription, and returns its results, or the errors for which it did not start. The results end when
 * `contextValue.signal` is aborted.
 */
export type Subscribe = (
  args: ExecutionArgs & { contextValue: GraphQLContext },
) => Promise<AsyncIterable<SubscriptionEvent> | ExecutionResult>
