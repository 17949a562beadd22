import type { FastifyReply, FastifyRequest } from 'fastify'
import { parseRequestParams, type Request, type Response } from 'graphql-http'
import { graphqlAnswer, graphqlErrors } from './graphql-answer.ts'
import { Refusal, refusals } from './refusal.ts'

/** Operations that clients name instead of sending them: `documentId: "sha256:<hex>"`. */
export type PersistedOperations = {
  /** The text of the operation with this id. */
  textOf: (documentId: string) => string | undefined
  /** Whether no other operation is answered. */
  only: boolean
}

/** Puts the text of a persisted operation in the place of its id, or refuses. */
export async function persistedParams(
  request: Request<FastifyRequest, { reply: FastifyReply }>,
  { textOf, only }: PersistedOperations,
): Promise<Awaited<ReturnType<typeof parseRequestParams>> | void> {
  const { body, url } = request.raw
  const [path, search] = url.split('?', 2)
  const given = new URLSearchParams(search)
  const id = request.method === 'GET' ? given.get('documentId') : (body as { documentId?: unknown } | null)?.documentId
  if (id === undefined || id === null)
    return only
      ? refused(new Refusal('OPERATION_NOT_ALLOWED', 'Only operations on the list are answered: send a documentId.'))
      : undefined
  const query = typeof id === 'string' ? textOf(id) : undefined
  if (query === undefined)
    return refused(new Refusal('PERSISTED_QUERY_NOT_FOUND', 'There is no operation with this documentId.'))
  given.set('query', query)
  return parseRequestParams({ ...request, url: `${path}?${given.toString()}`, body: { ...(body as object), query } })
}

const refused = (refusal: Refusal): Response =>
  graphqlAnswer(refusals[refusal.code].http, graphqlErrors(refusal, undefined), 'application/json; charset=utf-8')
