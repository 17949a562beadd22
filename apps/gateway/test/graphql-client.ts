import type { FastifyInstance } from 'fastify'
import { expect } from 'vitest'

/** A GraphQL response; `data` has the shape of the operation. */
export type GraphQLResponse = {
  data: any
  errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> }[]
}

/** Sends an operation to a gateway, and asserts that the response contains no internal details. */
export async function sendOperation(
  gateway: FastifyInstance,
  query: string,
  variables?: object,
  headers: Record<string, string> = {},
): Promise<GraphQLResponse> {
  const response = await gateway.inject({ method: 'POST', url: '/graphql', headers, payload: { query, variables } })
  expect(response.body).not.toMatch(/127\.0\.0\.1|localhost|serviceName|stack|secret|valueCompletion/)
  return response.json()
}

/** The errors of a response, each as `path code`. */
export const summarizeErrors = ({ errors = [] }: GraphQLResponse): string[] =>
  errors.map(({ path = [], extensions }) => `${path.join('.')} ${String(extensions['code'])}`)

/** An operation that needs all four services, and the data of its response. */
export const allServicesQuery =
  '{ order(id: "o1") { number items { name product { name } } customer { name } notifications { id } } }'
export const allServicesData = {
  order: {
    number: '1',
    items: [
      { name: 'p1', product: { name: 'Chaise' } },
      { name: 'p2', product: { name: 'Table' } },
    ],
    customer: { name: 'Someone u1' },
    notifications: [],
  },
}
