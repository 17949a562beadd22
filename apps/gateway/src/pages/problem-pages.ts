import { errorCodes, toProblemType, type ErrorCode } from '@halles/errors/app-error'
import escapeHtml from 'escape-html'
import type { FastifyInstance } from 'fastify'
import { PAGE_CSP, renderPage } from './layout.ts'

/** What an error code means, and what a client should do about it. */
const descriptions: Record<ErrorCode, { meaning: string; action: string }> = {
  VALIDATION_FAILED: {
    meaning: 'The body, a parameter, a GraphQL variable or the path does not fit its schema. Unknown fields count too.',
    action: 'Correct each part that `errors` names by its JSON pointer in `path`, and send the request again.',
  },
  GRAPHQL_PARSE_FAILED: {
    meaning: 'The GraphQL document has a syntax error.',
    action: 'Correct the document. The message says what was expected, and where.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    meaning: 'The GraphQL document does not fit the schema, or asks for introspection where that is turned off.',
    action: 'Check the names of fields and arguments against the schema of the environment that you call.',
  },
  QUERY_TOO_COMPLEX: {
    meaning: 'The GraphQL operation is beyond a limit: its size, depth, number of fields or aliases, or cost.',
    action: 'Request less at a time: smaller pages, fewer fields. The message names the limit and its value.',
  },
  UNAUTHENTICATED: {
    meaning: 'The request needs an access token, or its token is invalid, expired or revoked.',
    action: 'Refresh the session once and repeat the request with the new token; if that fails, sign in again.',
  },
  INVALID_CREDENTIALS: {
    meaning: 'No account has this e-mail address and password. The answer does not tell which of the two is wrong.',
    action: 'Let the user enter them again, or reset the password. Do not retry automatically.',
  },
  FORBIDDEN: {
    meaning: 'The signed-in user may not do this, or a browser sent the request from another origin.',
    action: 'Do not retry. Offer the action only to users who may do it.',
  },
  OPERATION_NOT_ALLOWED: {
    meaning: 'This gateway executes persisted operations only.',
    action: 'Send the `documentId` of a persisted operation instead of a query.',
  },
  NOT_FOUND: {
    meaning: 'There is no such route or resource, or it belongs to someone else.',
    action: 'Check the path and the id. Do not retry.',
  },
  PERSISTED_QUERY_NOT_FOUND: {
    meaning: 'The gateway has no persisted operation with this `documentId`.',
    action: 'Add the operation to the manifest of the gateway before the client that uses it is released.',
  },
  EMAIL_TAKEN: {
    meaning: 'An account with this e-mail address exists.',
    action: 'Let the user sign in, reset the password, or choose another address.',
  },
  PRODUCT_UNAVAILABLE: {
    meaning: 'A product of the order does not exist or is no longer sold. `errors` names each.',
    action: 'Remove these products from the basket and let the customer confirm the order.',
  },
  INSUFFICIENT_STOCK: {
    meaning: 'There is less in stock than was ordered. `errors` names each product with the quantity `available`.',
    action: 'Reduce the quantities and let the customer confirm the order. Nothing was reserved.',
  },
  PRICE_CHANGED: {
    meaning: 'The total differs from `expectedTotal`. `errors` names the new prices.',
    action: 'Show the new prices and repeat the order with the new total if the customer agrees.',
  },
  INVALID_TRANSITION: {
    meaning: 'The order cannot change from its current status to the requested one.',
    action: 'Read the order again and offer the statuses that may follow.',
  },
  IN_PROGRESS: {
    meaning: 'Another request with the same `Idempotency-Key` is being processed.',
    action: 'Wait a moment and repeat the request with the same key: it then gets the result.',
  },
  STALE: {
    meaning: 'The resource has changed since it was read: `If-Match` or `expectedRevision` does not fit.',
    action: 'Read the resource again, apply the change to the current version, and send its new `ETag` or revision.',
  },
  PAYLOAD_TOO_LARGE: {
    meaning: 'The body is larger than the route accepts. With status 431: the request line and headers are too large.',
    action: 'Send less in one request. Do not retry unchanged.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    meaning: 'The body is not JSON, or its `Content-Type` does not say so.',
    action: 'Send JSON with `Content-Type: application/json`.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    meaning: 'The `Idempotency-Key` was used for another order.',
    action: 'Use a new key for each order, and the same key only to repeat the same order.',
  },
  RATE_LIMITED: {
    meaning: 'The client has sent too many requests.',
    action:
      'Wait for the number of seconds in `Retry-After`, then go on. `RateLimit` tells how much of the quota is left.',
  },
  INTERNAL: {
    meaning: 'A bug on our side. Its cause is in the logs under the `traceId` of the answer.',
    action: 'Report the `traceId`. Before you repeat a write, read whether it was carried out.',
  },
  UNAVAILABLE: {
    meaning: 'A service or database that the request needs cannot be reached.',
    action:
      'Wait for `Retry-After` seconds and repeat a read. Repeat an order with the same `Idempotency-Key`; before you repeat another write, read whether it was carried out.',
  },
  TIMEOUT: {
    meaning:
      'A service that the request needs took too long to answer. With status 408: the request itself arrived too slowly, and nothing was done.',
    action:
      'Wait for `Retry-After` seconds and repeat a read. Repeat an order with the same `Idempotency-Key`; before you repeat another write, read whether it was carried out.',
  },
}

const codes = Object.keys(errorCodes) as ErrorCode[]

/**
 * Serves a page for each error code at its problem type (RFC 9457, 3.1.1: the URI should lead to documentation), and a list
 * of all of them at /problems. An unknown problem type is `NOT_FOUND`.
 */
export function registerProblemPages(app: FastifyInstance): void {
  const index = renderIndex()
  const pages = new Map(codes.map((code) => [toProblemType(code), renderProblem(code)]))
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': PAGE_CSP,
    'cache-control': 'public, max-age=3600',
  }
  app.get('/problems', async (_request, reply) => reply.headers(headers).send(index))
  app.get('/problems/:type', async (request, reply) => {
    const page = pages.get(`/problems/${(request.params as { type: string }).type}`)
    return page === undefined ? reply.callNotFound() : reply.headers(headers).send(page)
  })
}

const renderIndex = (): string =>
  renderPage(
    'Halles: error codes',
    `      <h1>Error codes</h1>
      <p class="lead">REST errors are problem details (RFC 9457) with the code in <code>code</code>; GraphQL errors have it in <code>extensions.code</code>.</p>
      <table>
        <tr><th>Code</th><th>HTTP status</th><th>Title</th></tr>
        ${codes.map(renderRow).join('\n        ')}
      </table>`,
  )

const renderRow = (code: ErrorCode): string =>
  `<tr><td><a href="${toProblemType(code)}"><code>${code}</code></a></td><td>${errorCodes[code].http}</td><td>${escapeHtml(errorCodes[code].title)}</td></tr>`

const renderProblem = (code: ErrorCode): string => {
  const { http, title } = errorCodes[code]
  const { meaning, action } = descriptions[code]
  return renderPage(
    `Halles: ${escapeHtml(title)}`,
    `      <h1>${escapeHtml(title)}</h1>
      <dl>
        <dt>Code</dt><dd><code>${code}</code></dd>
        <dt>HTTP status</dt><dd>${http}</dd>
      </dl>
      <h2>What it means</h2>
      <p>${renderText(meaning)}</p>
      <h2>What to do</h2>
      <p>${renderText(action)}</p>
      <footer><a href="/problems">All error codes</a> · <a href="/">Halles</a></footer>`,
  )
}

/** Escapes a text, and renders what stands between backticks as code. */
const renderText = (text: string): string => escapeHtml(text).replaceAll(/`([^`]*)`/g, '<code>$1</code>')
