import type { GraphQLSchema } from 'graphql'
import type { App } from './app.ts'
import type { Limits } from './document-limits.ts'
import { graphqlRoute } from './graphql-http.ts'
import { compiledExecute } from './graphql.ts'

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
} as const satisfies Limits

/** Serves a subgraph at /graphql; operations are compiled by graphql-jit. */
export const serveSubgraph = (app: App, schema: GraphQLSchema): void =>
  graphqlRoute(app, () => schema, compiledExecute(), {
    limits: subgraphLimits,
    prices: { unpaged: 10, mutation: 10, planned: 0 },
    secretive: !app.openSchema,
  })
