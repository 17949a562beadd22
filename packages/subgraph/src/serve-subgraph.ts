import type { GraphQLSchema } from 'graphql'
import type { App } from '@halles/fastify-service/app'
import type { OperationLimits } from '@halles/graphql-server/operation-limits'
import { registerGraphQLRoute } from '@halles/graphql-server/graphql-route'
import { createCompiledExecutor, createSubscriber } from './subgraph-schema.ts'

/**
 * Limits of an operation at a subgraph, for requests that bypass the gateway. The gateway's limits are narrower
 * (apps/gateway/src/graphql/operation-limits.ts): an operation that it sends is longer than the one it received, because it expands fragments.
 */
const subgraphLimits = {
  tokens: 10_000,
  depth: 20,
  introspectionDepth: 20,
  fields: 2000,
  rootFields: 50,
  aliases: 500,
  cost: 20_000,
} as const satisfies OperationLimits

/** Serves a subgraph at /graphql, with its subscriptions; operations are compiled by graphql-jit. */
export function serveSubgraph(app: App, schema: GraphQLSchema): void {
  const execute = createCompiledExecutor()
  registerGraphQLRoute(app, () => schema, execute, {
    limits: subgraphLimits,
    costFactors: { unpaged: 10, mutation: 10, planned: 0 },
    hideSchema: !app.openSchema,
    subscribe: createSubscriber(execute),
  })
}
