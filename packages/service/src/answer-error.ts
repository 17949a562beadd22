import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { graphqlErrors } from './graphql-answer.ts'
import { Refusal, refusalOf, refusals } from './refusal.ts'
import { traceId } from './trace.ts'

/** An error as it goes over HTTP. */
export type ErrorAnswer = { status: number; headers: Record<string, string>; body: string }

/**
 * How a refusal is told: as a problem document (RFC 9457), or as GraphQL where that was asked.
 *
 * @param id the trace that an `INTERNAL` error is found under
 * @param status where it is not the code’s own
 */
export function errorAnswer(
  refusal: Refusal,
  id: string | undefined,
  graphql: boolean,
  status: number = refusals[refusal.code].http,
): ErrorAnswer {
  const headers = {
    'content-type': graphql ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8',
    ...(refusal.retryAfter !== undefined && { 'retry-after': String(refusal.retryAfter) }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  }
  const problem = {
    type: 'about:blank',
    title: refusals[refusal.code].title,
    status,
    detail: refusal.message,
    code: refusal.code,
    ...(refusal.code === 'INTERNAL' && { traceId: id }),
    ...(refusal.errors && { errors: refusal.errors }),
  }
  return { status, headers, body: JSON.stringify(graphql ? graphqlErrors(refusal, id) : problem) }
}

/** The one place where an error becomes an answer. */
export function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error) ?? fastifyRefusal(error as FastifyError)
  const id = traceId(request.trace)
  if (refusal.code === 'INTERNAL') request.log.error({ err: error, traceId: id }, 'request failed')
  const { status, headers, body } = errorAnswer(refusal, id, isGraphql(request))
  // Text, so that no route's response schema drops a field.
  return reply.status(status).headers(headers).send(body)
}

/** Whether a request is for `/graphql`, whatever its method is and however it is written. */
const isGraphql = ({ url, routeOptions }: FastifyRequest): boolean =>
  routeOptions.url === '/graphql' || url.split('?', 1)[0] === '/graphql'

/** What Fastify and its plugins refuse, by our codes. An error without a 4xx status is a bug. */
function fastifyRefusal(error: FastifyError): Refusal {
  if (error.code?.startsWith('FST_JWT_') || error.code?.startsWith('FAST_JWT_'))
    return new Refusal('UNAUTHENTICATED', 'This access token is not good (any more): sign in again.', { cause: error })
  if (error.code === 'FST_ERR_BAD_URL')
    return new Refusal('VALIDATION_FAILED', 'This address cannot be read: is it encoded as UTF-8?')
  switch (error.statusCode) {
    case 404:
    case 414: // an id that is longer than any of ours
      return new Refusal('NOT_FOUND', 'There is nothing at this address.')
    case 413:
      return new Refusal('PAYLOAD_TOO_LARGE', 'That is more than one request may carry.')
    case 415:
      return new Refusal('UNSUPPORTED_MEDIA_TYPE', 'Send JSON, with content-type: application/json.')
    case 429:
      return new Refusal('RATE_LIMITED', 'Too many requests: try again later.')
    case 400:
      return new Refusal('VALIDATION_FAILED', 'The request cannot be read: is it well-formed JSON?', { cause: error })
    default:
      return new Refusal('INTERNAL', 'Something went wrong here.', { cause: error })
  }
}
