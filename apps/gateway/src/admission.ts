import { busyError, createAdaptiveLimit } from '@halles/concurrency/adaptive-limit'
import type { Execute } from '@halles/graphql-server/execution'
import type { FastifyRequest } from 'fastify'
import type { Service } from './config.ts'
import { findService } from './proxy/rest-proxy.ts'
import type { UpstreamClient } from './upstream/upstream-client.ts'

/**
 * The median duration of requests to a service, in milliseconds, above which fewer are sent at a time. Requests with a
 * password wait in a queue of auth-service, fair to networks, for up to 4 s; an order is written in batches by several services.
 */
export const targetDurations: Record<Service, number> = { auth: 6000, product: 500, order: 1000, notification: 500 }

/** The limit on concurrent GraphQL operations. An operation may call several services one after the other. */
const operationLimit = { max: 1024, target: 1000 } as const

/**
 * Creates the admission control of the gateway: requests to each service, and GraphQL operations, have a limit of their own that
 * follows their duration (packages/concurrency), so that a slow service delays only requests to itself.
 *
 * `refuseBeyondCapacity` throws AppError `UNAVAILABLE` for a request that would be refused, before its token is verified and
 * its body is read: a refusal costs a tenth of an answer. Routes that call no service are never refused. `execute` executes an
 * operation within the limit.
 */
export function createAdmission(upstreams: Record<Service, Pick<UpstreamClient, 'isBusy'>>) {
  const operations = createAdaptiveLimit(operationLimit)
  return {
    refuseBeyondCapacity: ({ routeOptions: { url }, networks }: FastifyRequest): void => {
      const service = findService(url)
      const isBusy = service ? upstreams[service].isBusy(networks) : url === '/graphql' && operations.isFull(networks)
      if (isBusy) throw busyError()
    },
    execute:
      (execute: Execute): Execute =>
      (args) =>
        operations.run(args.contextValue.request.networks, () => execute(args)),
    operationState: operations.state,
  }
}
