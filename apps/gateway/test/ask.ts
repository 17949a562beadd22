import type { FastifyInstance } from 'fastify'
import { expect } from 'vitest'

/** What a client got; `data` as it asked for it. */
export type Answer = {
  data: any
  errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> }[]
}

/** Asks a gateway, and makes sure that nothing of its inside is told. */
export async function askOf(
  gateway: FastifyInstance,
  query: string,
  variables?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await gateway.inject({ method: 'POST', url: '/graphql', headers, payload: { query, variables } })
  expect(answer.body).not.toMatch(/127\.0\.0\.1|localhost|serviceName|stack|secret|valueCompletion/)
  return answer.json()
}

/** Each error as `path code`. */
export const told = ({ errors = [] }: Answer): string[] =>
  errors.map(({ path = [], extensions }) => `${path.join('.')} ${String(extensions['code'])}`)

/** An operation that needs all four services, and what it is answered. */
export const deep =
  '{ order(id: "o1") { number items { name product { name } } customer { name } notifications { id } } }'
export const deepAnswer = {
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
