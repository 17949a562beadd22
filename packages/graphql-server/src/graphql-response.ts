import type { Response } from 'graphql-http'

/** A response that graphql-http sends unchanged. */
export const toGraphQLResponse = (status: number, body: object, headers: Record<string, string>): Response => [
  JSON.stringify(body),
  { status, statusText: '', headers },
]
