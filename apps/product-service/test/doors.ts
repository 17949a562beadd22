import type { TestPerson } from '@halles/testkit/people'
import type { Running } from './running.ts'

/** What came of a wish: the value, or the code it was refused with and which fields are wrong. */
export type Answer = { value?: any; code?: string; paths?: string[] }

const FIELDS = 'id name description price category stock image revision createdAt updatedAt'

/** The same wishes through both doors, answered alike, so that a test can hold both to the same promise. */
export const doors = {
  REST: (shop: Running) => {
    const ask = async (...request: Parameters<Running['request']>): Promise<Answer> => {
      const answer = await shop.request(...request)
      if (answer.statusCode === 204) return { value: true }
      const body = answer.json()
      if (answer.statusCode < 300) return { value: body }
      return { code: body.code, ...(body.errors && { paths: body.errors.map(({ path }: { path: string }) => path) }) }
    }
    return {
      create: (who: TestPerson | undefined, wish: object) => ask(who, 'POST', '/products', wish),
      replace: (who: TestPerson | undefined, id: string, wish: object) => ask(who, 'PUT', `/products/${id}`, wish),
      archive: (who: TestPerson | undefined, id: string) => ask(who, 'DELETE', `/products/${id}`),
      adjust: (who: TestPerson | undefined, id: string, wish: object) =>
        ask(who, 'POST', `/products/${id}/stock`, wish),
      read: (id: string) => ask(undefined, 'GET', `/products/${id}`),
      list: (wish: Record<string, unknown>) =>
        ask(undefined, 'GET', `/products?${new URLSearchParams(wish as Record<string, string>)}`),
    }
  },
  GraphQL: (shop: Running) => {
    const ask = async (...request: Parameters<Running['graphql']>): Promise<Answer> => {
      const { data, errors } = await shop.graphql(...request)
      if (!errors) return { value: Object.values(data)[0] }
      const { code, errors: faults } = errors[0].extensions
      return { code, ...(faults && { paths: faults.map(({ path }: { path: string }) => path) }) }
    }
    return {
      create: (who: TestPerson | undefined, input: object) =>
        ask(who, `mutation ($input: ProductInput!) { createProduct(input: $input) { ${FIELDS} } }`, { input }),
      replace: (who: TestPerson | undefined, id: string, { expectedRevision, ...input }: Record<string, unknown>) =>
        ask(
          who,
          `mutation ($id: ID!, $input: ProductInput!, $expectedRevision: Int) {
            updateProduct(id: $id, input: $input, expectedRevision: $expectedRevision) { ${FIELDS} }
          }`,
          { id, input, expectedRevision },
        ),
      archive: async (who: TestPerson | undefined, id: string): Promise<Answer> => {
        const { value, ...no } = await ask(who, 'mutation ($id: ID!) { deleteProduct(id: $id) }', { id })
        return value === undefined ? no : { value: value === id }
      },
      adjust: (who: TestPerson | undefined, id: string, wish: object) =>
        ask(
          who,
          `mutation ($id: ID!, $delta: Int!, $reason: String!) {
            adjustStock(id: $id, delta: $delta, reason: $reason) { ${FIELDS} }
          }`,
          { id, ...wish },
        ),
      read: (id: string) => ask(undefined, `query ($id: ID!) { product(id: $id) { ${FIELDS} } }`, { id }),
      list: async ({ sort, first, after, ...filter }: Record<string, unknown>): Promise<Answer> => {
        const { value, ...no } = await ask(
          undefined,
          `query ($filter: ProductFilter, $sort: ProductSort, $first: Int, $after: String) {
            products(filter: $filter, sort: $sort, first: $first, after: $after) {
              nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } totalCount totalCountIsExact
            }
          }`,
          { filter, sort: sort && String(sort).toUpperCase(), first, after },
        )
        if (!value) return no
        const { nodes, ...page } = value
        return { value: { items: nodes, ...page } }
      },
    }
  },
}
