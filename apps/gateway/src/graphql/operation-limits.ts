import type { OperationLimits, CostFactors } from '@halles/graphql-server/operation-limits'

/**
 * How much one GraphQL operation may request from the gateway. The persisted operations use at most half of each limit
 * (operation-limits.test.ts), and the introspection query of GraphiQL fits.
 */
export const operationLimits = {
  tokens: 2000,
  depth: 12,
  introspectionDepth: 20,
  fields: 500,
  rootFields: 20,
  aliases: 50,
  cost: 5000,
} as const satisfies OperationLimits

/**
 * The factors of the operation cost: the length assumed for a list without `first`, the extra cost of a mutation (which
 * writes, and publishes events), and the cost of each field of a document that is not planned yet. Planning takes about as
 * long as fetching some objects for each field: 39 ms for 57 fields of several services.
 */
export const costFactors = { unpaged: 10, mutation: 10, planned: 5 } as const satisfies CostFactors

/** The largest body of a GraphQL request, in bytes. An order of 100 lines has about 10 KB with its operation. */
export const MAX_GRAPHQL_BODY_BYTES = 102_400
