import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, toAppError, errorCodes, toProblemType } from '@halles/errors/app-error'
import { traceId } from '@halles/telemetry/trace'

/** An error as an HTTP response: status, headers and serialized body. */
export type ErrorResponse = { status: number; headers: Record<string, string>; body: string }

/** A page that replaces the body of an error response, with its headers. */
export type ErrorPage = { headers: Record<string, string>; body: string }

/** Renders an error for a browser that opens a page; undefined for any other request. */
export type RenderErrorPage = (error: AppError, status: number, request: FastifyRequest) => ErrorPage | undefined

/** The GraphQL response body for an error before execution, such as an invalid token. */
export const toGraphQLErrorBody = (appError: AppError, id: string | undefined): object => ({
  errors: [
    {
      message: appError.message,
      extensions: { ...appError.extensions, ...(appError.code === 'INTERNAL' && { traceId: id }) },
    },
  ],
})

/**
 * Serializes an AppError as a problem document (RFC 9457), or as a GraphQL response for requests to `/graphql`.
 *
 * @param id the trace id, which an `INTERNAL` error includes
 * @param status the HTTP status; by default that of the error code
 */
export function toErrorResponse(
  appError: AppError,
  id: string | undefined,
  graphql: boolean,
  status: number = errorCodes[appError.code].http,
): ErrorResponse {
  const headers = {
    'content-type': graphql ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8',
    ...(appError.retryAfter !== undefined && { 'retry-after': String(appError.retryAfter) }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  }
  const problem = {
    type: toProblemType(appError.code),
    title: errorCodes[appError.code].title,
    status,
    detail: appError.message,
    code: appError.code,
    ...(appError.code === 'INTERNAL' && { traceId: id }),
    ...(appError.errors && { errors: appError.errors }),
  }
  return { status, headers, body: JSON.stringify(graphql ? toGraphQLErrorBody(appError, id) : problem) }
}

/** Fastify's error handler: the only place where an error becomes an HTTP response. Logs `INTERNAL` errors. */
export function handleError(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
  renderPage: RenderErrorPage = () => undefined,
): FastifyReply {
  const appError = toAppError(error) ?? fromFastifyError(error as FastifyError)
  const id = traceId(request.trace)
  if (appError.code === 'INTERNAL') request.log.error({ err: error, traceId: id }, 'request failed')
  const { status, headers, body } = toErrorResponse(appError, id, isGraphqlRequest(request))
  const page = renderPage(appError, status, request)
  if (page)
    return reply
      .status(status)
      .headers({ ...headers, ...page.headers })
      .send(page.body)
  // Sent as text: the route's response schema would drop fields that it does not declare.
  return reply.status(status).headers(headers).send(body)
}

/** Also true for a method that `/graphql` does not serve, which matches no route. */
const isGraphqlRequest = ({ url, routeOptions }: FastifyRequest): boolean =>
  routeOptions.url === '/graphql' || url.split('?', 1)[0] === '/graphql'

/** Maps an error of Fastify or a plugin to an AppError. An error without a 4xx status is a bug: `INTERNAL`. */
function fromFastifyError(error: FastifyError): AppError {
  const code: unknown = error.code // a number in errors of MongoDB
  if (typeof code === 'string' && /^(FST|FAST)_JWT_/.test(code))
    return new AppError('UNAUTHENTICATED', 'This access token is invalid or has expired: sign in again.', {
      cause: error,
    })
  if (error.code === 'FST_ERR_BAD_URL')
    return new AppError('VALIDATION_FAILED', 'This URL cannot be decoded: is it encoded as UTF-8?')
  switch (error.statusCode) {
    case 404:
    case 414: // a path parameter longer than any id of ours
      return new AppError('NOT_FOUND', 'There is no resource at this URL.')
    case 413:
      return new AppError('PAYLOAD_TOO_LARGE', 'The request body is too large.')
    case 415:
      return new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send JSON, with content-type: application/json.')
    case 429:
      return new AppError('RATE_LIMITED', 'Too many requests: try again later.')
    case 400:
      return new AppError('VALIDATION_FAILED', 'The request cannot be parsed: is it well-formed JSON?', {
        cause: error,
      })
    default:
      return new AppError('INTERNAL', 'Something went wrong here.', { cause: error })
  }
}
