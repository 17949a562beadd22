import type { Limits, Prices } from '@halles/service/document-limits'

/**
 * How much one GraphQL operation may ask for here. Our own operations use at most half of each (limits.test.ts), and the
 * introspection of GraphiQL fits.
 */
export const limits = {
  tokens: 2000,
  depth: 12,
  introspectionDepth: 20,
  fields: 500,
  rootFields: 20,
  aliases: 50,
  cost: 5000,
} as const satisfies Limits

/**
 * How costs are counted: an order has some lines, a mutation writes, tells and is told of. Planning a document takes about
 * as long as fetching some objects for each of its fields: 39 ms for 57 that lie in several services.
 */
export const prices = { unpaged: 10, mutation: 10, planned: 5 } as const satisfies Prices

/** The largest body of a GraphQL request, in bytes: an order of 100 lines with its operation has 10 KB. */
export const BODY = 102_400

/** What a request costs of a client's quota (RATE_LIMIT); a GraphQL operation costs its objects besides. */
export const requestPrices = { read: 1, write: 5 } as const
