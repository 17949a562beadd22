import { callGrpc, sendGraphql, sendRest } from '../clients.ts'
import { listDeclaredEndpoints, type EndpointKind, type Via } from '../endpoints/endpoints.ts'
import { findDanglingProxyRoutes, listUndeclaredEndpoints } from '../endpoints/runtime-routes.ts'
import { createMatrixFixtures, type MatrixFixtures } from '../fixtures/matrix-fixtures.ts'
import { PEER_SECRET_HEADER, type LocalShop } from '../shop-under-test.ts'
import { authorizationMatrix, callers, findGaps, type Caller, type Row } from './authorization-matrix.ts'
import { entityRequests, rootFieldRequests } from './graphql-requests.ts'
import { grpcRequests } from './grpc-requests.ts'
import { accountEndingEndpoints, type RequestContext } from './request-context.ts'
import { restRequests, undeclaredPaths } from './rest-requests.ts'

/** A row with the outcomes that each caller observed, by address. */
export type CheckedRow = Row & { kind: EndpointKind; observed: Partial<Record<Via, Record<Caller, string>>> }
export type MatrixResult = { rows: CheckedRow[]; gaps: string[]; cells: number; mismatches: number }

/** How many rows are checked at the same time. */
const CONCURRENCY = 6
/** How often /readyz is requested again while it responds 503. */
const READINESS_RETRIES = 20

/** Sends the request of every row as every caller and compares the outcomes with the authorization matrix. */
export async function checkMatrix(shop: LocalShop, signal?: AbortSignal): Promise<MatrixResult> {
  const endpoints = [...listDeclaredEndpoints(), ...listUndeclaredEndpoints(shop.routes)]
  const gaps = [...findGaps(authorizationMatrix, endpoints), ...findDanglingProxyRoutes(shop.routes)]
  const kinds = new Map(endpoints.map(({ server, name, kind }) => [`${server} ${name}`, kind]))
  const fixtures = await createMatrixFixtures(shop)
  const queue = authorizationMatrix.filter(({ server, endpoint }) => kinds.has(`${server} ${endpoint}`)).entries()
  const rows: CheckedRow[] = []
  const work = async (): Promise<void> => {
    for (const [i, row] of queue) {
      signal?.throwIfAborted()
      const kind = kinds.get(`${row.server} ${row.endpoint}`)!
      const observed: CheckedRow['observed'] = {}
      for (const via of row.via === 'both' ? (['direct', 'gateway'] as const) : [row.via]) {
        const outcomes = {} as Record<Caller, string>
        for (const caller of callers)
          outcomes[caller] = await observeOutcome(shop, fixtures, { ...row, kind }, via, caller)
        observed[via] = outcomes
      }
      rows[i] = { ...row, kind, observed }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  const cells = rows.flatMap((row) =>
    Object.values(row.observed).flatMap((observed) => callers.map((caller) => isMismatch(row, caller, observed))),
  )
  return { rows, gaps, cells: cells.length, mismatches: cells.filter(Boolean).length }
}

export const isMismatch = ({ expected }: Row, caller: Caller, observed: Record<Caller, string>): boolean =>
  observed[caller] !== expected[caller]

async function observeOutcome(
  shop: LocalShop,
  fixtures: MatrixFixtures,
  row: Row & { kind: EndpointKind },
  via: Via,
  caller: Caller,
): Promise<string> {
  const { context, headers } = await createContext(fixtures, row, caller)
  const baseUrl = via === 'gateway' || row.server === 'gateway' ? shop.gateway : shop.services[row.server]
  const orEmpty = ({ outcome, text }: { outcome: string; text: string }, shows: string | undefined): string =>
    outcome === 'ok' && shows !== undefined && !text.includes(shows) ? 'empty' : outcome
  switch (row.kind) {
    case 'undeclared': {
      const [method, route] = row.endpoint.split(' ') as [string, string]
      const path = /[*{]/.test(route) ? await requestOf(undeclaredPaths, row.endpoint)(context) : route
      const base = { direct: baseUrl, gateway: `${baseUrl}/api`, operator: shop.gatewayOperator }[via]
      let response = await sendRest(base, { method, path, headers })
      // A service on a busy machine may be unready for a moment, which says nothing about authorization.
      for (let n = 0; n < READINESS_RETRIES && path === '/readyz' && response.status === 503; n++)
        response = await sendRest(base, { method, path, headers })
      return response.outcome
    }
    case 'rest': {
      const [method, route] = row.endpoint.split(' ') as [string, string]
      const { path = route, shows, ...request } = await requestOf(restRequests, row.endpoint)(context)
      const prefix = via === 'gateway' ? '/api' : ''
      const sent = { ...request, method, path: prefix + path, headers: { ...request.headers, ...headers } }
      return orEmpty(await sendRest(baseUrl, sent), shows)
    }
    case 'root': {
      const { shows, ...request } = await requestOf(rootFieldRequests, row.endpoint)(context)
      return orEmpty(await sendGraphql(baseUrl, { ...request, headers }), shows)
    }
    case 'entity':
    case 'field': {
      const request = await requestOf(entityRequests, `${row.server} ${row.endpoint}`)(context)
      const { __typename, id, select, shows, gateway } = request
      if (via === 'gateway') {
        if (!gateway) throw new Error(`graphql-requests.ts has no request by the gateway for ${row.endpoint}`)
        return orEmpty(await sendGraphql(baseUrl, { ...gateway, headers }), gateway.shows ?? shows)
      }
      const query = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on ${__typename} { ${select} } } }`
      const variables = { of: [{ __typename, id }] }
      return orEmpty(await sendGraphql(baseUrl, { query, variables, headers }), shows)
    }
    case 'grpc': {
      const { message, stream = false } = requestOf(grpcRequests, row.endpoint)(context)
      const metadata = { ...headers, ...(row.resource === 'peer secret' && { [PEER_SECRET_HEADER]: shop.peerSecret }) }
      return (await callGrpc(shop.productGrpc, row.endpoint, message, { metadata, stream })).outcome
    }
  }
}

function requestOf<R>(requests: Record<string, R>, endpoint: string): R {
  const request = requests[endpoint]
  if (!request) throw new Error(`no request is defined for ${endpoint}: add one to *-requests.ts`)
  return request
}

/** The headers of the caller and the resources of a row. A user whose account a successful request ends is replaced. */
async function createContext(
  fixtures: MatrixFixtures,
  { endpoint, resource, expected }: Row,
  caller: Caller,
): Promise<{ context: RequestContext; headers: Record<string, string> }> {
  const named = /^to (cancel|confirm)$/.test(resource) ? 'customer' : resource.replace('’s', '')
  const owner = resource === '-' ? caller : named
  const isConsumed = expected[caller] === 'ok'
  if (isConsumed && accountEndingEndpoints.has(endpoint) && fixtures.userNamed(owner)) {
    const user = await fixtures.createReplacement(owner)
    const requested = fixtures.resourcesOf(user)
    return {
      context: { resource, requested, own: requested, fixtures },
      headers: owner === caller ? user.headers : fixtures.headersOf(caller),
    }
  }
  const requested = fixtures.resourcesOf(fixtures.userNamed(owner), isConsumed)
  const own = fixtures.resourcesOf(fixtures.userNamed(caller))
  return { context: { resource, requested, own, fixtures }, headers: fixtures.headersOf(caller) }
}
