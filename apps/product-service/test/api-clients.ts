import type { TestPrincipal } from '@halles/test-fixtures/principals'
import type { ProductServiceFixture } from './service-fixture.ts'

/** The result of a request: its value, or its error code and the paths of invalid fields. */
export type Result = { value?: any; code?: string; paths?: string[] }

const FIELDS = 'id name description price category stock image revision archived createdAt updatedAt'
const MOVEMENTS = `nodes { id kind delta reason by { id } order { id } at }
  pageInfo { hasNextPage endCursor } totalCount totalCountIsExact`

/** The same requests over REST and GraphQL, with results of one form, so that one test covers both APIs. */
export const apiClients = {
  REST: (service: ProductServiceFixture) => {
    const send = async (...request: Parameters<ProductServiceFixture['request']>): Promise<Result> => {
      const response = await service.request(...request)
      if (response.statusCode === 204) return { value: true }
      const body = response.json()
      if (response.statusCode < 300) return { value: body }
      return { code: body.code, ...(body.errors && { paths: body.errors.map(({ path }: { path: string }) => path) }) }
    }
    return {
      create: (actor: TestPrincipal | undefined, input: object) => send(actor, 'POST', '/products', input),
      replace: (actor: TestPrincipal | undefined, id: string, input: object) =>
        send(actor, 'PUT', `/products/${id}`, input),
      archive: (actor: TestPrincipal | undefined, id: string) => send(actor, 'DELETE', `/products/${id}`),
      adjust: (actor: TestPrincipal | undefined, id: string, input: object) =>
        send(actor, 'POST', `/products/${id}/stock`, input),
      restore: (actor: TestPrincipal | undefined, id: string) => send(actor, 'POST', `/products/${id}/restore`),
      read: (id: string) => send(undefined, 'GET', `/products/${id}`),
      readAny: (actor: TestPrincipal | undefined, id: string) =>
        send(actor, 'GET', `/products/${id}?includeArchived=true`),
      list: (input: Record<string, unknown>, actor?: TestPrincipal) =>
        send(actor, 'GET', `/products?${new URLSearchParams(input as Record<string, string>)}`),
      movements: (actor: TestPrincipal | undefined, id: string, page: Record<string, unknown> = {}) =>
        send(actor, 'GET', `/products/${id}/stock/movements?${new URLSearchParams(page as Record<string, string>)}`),
    }
  },
  GraphQL: (service: ProductServiceFixture) => {
    const send = async (...request: Parameters<ProductServiceFixture['graphql']>): Promise<Result> => {
      const { data, errors } = await service.graphql(...request)
      if (!errors) return { value: Object.values(data)[0] }
      const { code, errors: fieldErrors } = errors[0].extensions
      return { code, ...(fieldErrors && { paths: fieldErrors.map(({ path }: { path: string }) => path) }) }
    }
    return {
      create: (actor: TestPrincipal | undefined, input: object) =>
        send(actor, `mutation ($input: ProductInput!) { createProduct(input: $input) { ${FIELDS} } }`, { input }),
      replace: (
        actor: TestPrincipal | undefined,
        id: string,
        { expectedRevision, ...input }: Record<string, unknown>,
      ) =>
        send(
          actor,
          `mutation ($id: ID!, $input: ProductInput!, $expectedRevision: Int) {
            updateProduct(id: $id, input: $input, expectedRevision: $expectedRevision) { ${FIELDS} }
          }`,
          { id, input, expectedRevision },
        ),
      archive: async (actor: TestPrincipal | undefined, id: string): Promise<Result> => {
        const { value, ...failure } = await send(actor, 'mutation ($id: ID!) { deleteProduct(id: $id) }', { id })
        return value === undefined ? failure : { value: value === id }
      },
      adjust: (actor: TestPrincipal | undefined, id: string, input: object) =>
        send(
          actor,
          `mutation ($id: ID!, $delta: Int!, $reason: String!) {
            adjustStock(id: $id, delta: $delta, reason: $reason) { ${FIELDS} }
          }`,
          { id, ...input },
        ),
      restore: (actor: TestPrincipal | undefined, id: string) =>
        send(actor, `mutation ($id: ID!) { restoreProduct(id: $id) { ${FIELDS} } }`, { id }),
      read: (id: string) => send(undefined, `query ($id: ID!) { product(id: $id) { ${FIELDS} } }`, { id }),
      readAny: (actor: TestPrincipal | undefined, id: string) =>
        send(actor, `query ($id: ID!) { product(id: $id, includeArchived: true) { ${FIELDS} } }`, { id }),
      movements: async (
        actor: TestPrincipal | undefined,
        id: string,
        page: Record<string, unknown> = {},
      ): Promise<Result> => {
        const { value, ...failure } = await send(
          actor,
          `query ($id: ID!, $first: Int, $after: String) {
            product(id: $id, includeArchived: true) {
              stockMovements(first: $first, after: $after) { ${MOVEMENTS} }
            }
          }`,
          { id, ...page },
        )
        if (!value) return failure
        const { nodes, ...rest } = value.stockMovements
        const items = nodes.map(({ by, order, kind, ...movement }: any) => ({
          ...movement,
          kind: kind.toLowerCase(),
          byId: by?.id ?? null,
          orderId: order?.id ?? null,
        }))
        return { value: { items, ...rest } }
      },
      list: async (
        { sort, first, after, ...filter }: Record<string, unknown>,
        actor?: TestPrincipal,
      ): Promise<Result> => {
        const { value, ...failure } = await send(
          actor,
          `query ($filter: ProductFilter, $sort: ProductSort, $first: Int, $after: String) {
            products(filter: $filter, sort: $sort, first: $first, after: $after) {
              nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } totalCount totalCountIsExact
            }
          }`,
          { filter, sort: sort && String(sort).toUpperCase(), first, after },
        )
        if (!value) return failure
        const { nodes, ...page } = value
        return { value: { items: nodes, ...page } }
      },
    }
  },
}
