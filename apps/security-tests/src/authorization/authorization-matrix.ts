// The authorization matrix: who may do what at every endpoint. It is reviewed like a specification: a change of a table changes
// what users may do.
import { isErrorCode, type ErrorCode } from '@halles/errors/app-error'
import { services, type Endpoint, type Server, type Via } from '../endpoints/endpoints.ts'
import { authTable } from './auth-table.ts'
import { docsTable, federationTable, operatorTable } from './common-table.ts'
import { gatewayTable } from './gateway-table.ts'
import { notificationTable } from './notification-table.ts'
import { orderTable } from './order-table.ts'
import { grpcTable, productTable } from './product-table.ts'

export const callers = ['anonymous', 'customer', 'other', 'admin', 'deactivated', 'expired'] as const
/**
 * The callers, one column each: without a token; a customer; another customer; an admin; a customer with an unexpired token
 * whose account has just been deactivated; the customer with an expired token.
 */
export type Caller = (typeof callers)[number]

/** `ok`: successful, and the response shows the resource. `empty`: successful, without the resource. Else an error code. */
export type ExpectedOutcome = 'ok' | 'empty' | ErrorCode

export type Row = {
  server: Server
  endpoint: string
  /** By which addresses; `both` are `direct` and `gateway`, with the same outcomes. */
  via: Via | 'both'
  /**
   * The requested resource: whose it is, or its state; `-` when the request names none. `nonexistent` is an unused id.
   * `wrong owner` is the customer's order in a path with the other customer's id. `to cancel` and `to confirm` are the
   * customer's order with this change. `peer secret` is a gRPC call with the peer secret.
   */
  resource: string
  expected: Record<Caller, ExpectedOutcome>
}

/** The rows of the endpoints that the services declare. */
export const declaredRows: readonly Row[] = [
  ...parseTable('auth', authTable),
  ...parseTable('product', productTable),
  ...parseTable('order', orderTable),
  ...parseTable('notification', notificationTable),
  ...parseTable('product', grpcTable),
  ...services.flatMap((service) => parseTable(service, federationTable)),
]

/** The whole matrix, a row for each endpoint and resource. */
export const authorizationMatrix: readonly Row[] = [
  ...declaredRows,
  ...services.flatMap((service) => parseTable(service, operatorTable + docsTable)),
  ...parseTable('gateway', gatewayTable),
]

/** Parses a table: columns are separated by two or more spaces, an omitted endpoint is that of the row above. */
function parseTable(server: Server, text: string): Row[] {
  let endpoint = ''
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('endpoint '))
    .map((line) => {
      const cells = line.trim().split(/\s{2,}/)
      if (cells.length === 3 + callers.length) endpoint = cells.shift()!
      const [via = '', resource = '', ...outcomes] = cells
      const unknown = outcomes.find((one) => one !== 'ok' && one !== 'empty' && !isErrorCode(one))
      if (unknown !== undefined || outcomes.length !== callers.length || !/^(direct|gateway|both|operator)$/.test(via))
        throw new Error(`invalid row of the authorization matrix: ${line}`)
      const expected = Object.fromEntries(callers.map((caller, i) => [caller, outcomes[i]])) as Row['expected']
      return { server, endpoint, via: via as Row['via'], resource, expected }
    })
}

/** Compares rows and endpoints: those endpoints without a row, and those rows without an endpoint, a sentence each. */
export function findGaps(rows: readonly Row[], endpoints: readonly Endpoint[]): string[] {
  const nameOf = ({ server, name }: Endpoint): string => `${server} ${name}`
  const rowsByEndpoint = Map.groupBy(rows, ({ server, endpoint }) => `${server} ${endpoint}`)
  const existing = new Set(endpoints.map(nameOf))
  return [
    ...endpoints.flatMap((endpoint) => {
      const covered = new Set(
        rowsByEndpoint.get(nameOf(endpoint))?.flatMap(({ via }) => (via === 'both' ? ['direct', 'gateway'] : [via])),
      )
      const isPublic = endpoint.kind === 'rest' || endpoint.kind === 'root'
      const required = endpoint.via ?? (isPublic ? ['direct', 'gateway'] : ['direct'])
      return required
        .filter((via) => !covered.has(via))
        .map(
          (via) =>
            `${nameOf(endpoint)} (${via}) has no row in the authorization matrix: add one that says who may use it`,
        )
    }),
    ...[...rowsByEndpoint.keys()]
      .filter((name) => !existing.has(name))
      .map((name) => `${name} has a row in the authorization matrix, but no such endpoint exists`),
  ]
}
