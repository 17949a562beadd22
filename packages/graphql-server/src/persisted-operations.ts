import type { FastifyReply, FastifyRequest } from 'fastify'
import { parseRequestParams, type Request, type Response } from 'graphql-http'
import { toGraphQLErrorBody } from '@halles/fastify-service/error-response'
import { toGraphQLResponse } from './graphql-response.ts'
import { AppError, errorCodes } from '@halles/errors/app-error'

/** Operations that clients send by id, `documentId: "sha256:<hex>"`, instead of as text. */
export type PersistedOperations = {
  /** The text of the operation with this id. */
  findText: (documentId: string) => string | undefined
  /** Whether to reject every other operation. */
  only: boolean
}

/** Replaces a document id by the text of its operation, or returns the error response. */
export async function resolvePersistedOperation(
  request: Request<FastifyRequest, { reply: FastifyReply }>,
  { findText, only }: PersistedOperations,
): Promise<Awaited<ReturnType<typeof parseRequestParams>> | void> {
  const { body, url } = request.raw
  const [path, search] = url.split('?', 2)
  const params = new URLSearchParams(search)
  const id = request.method === 'GET' ? params.get('documentId') : (body as { documentId?: unknown } | null)?.documentId
  if (id === undefined || id === null)
    return only
      ? toResponse(new AppError('OPERATION_NOT_ALLOWED', 'Only persisted operations are allowed: send a documentId.'))
      : undefined
  const query = typeof id === 'string' ? findText(id) : undefined
  if (query === undefined)
    return toResponse(new AppError('PERSISTED_QUERY_NOT_FOUND', 'There is no operation with this documentId.'))
  params.set('query', query)
  return parseRequestParams({ ...request, url: `${path}?${params.toString()}`, body: { ...(body as object), query } })
}

const toResponse = (appError: AppError): Response =>
  toGraphQLResponse(errorCodes[appError.code].http, toGraphQLErrorBody(appError, undefined), {
    'content-type': 'application/json; charset=utf-8',
  })
