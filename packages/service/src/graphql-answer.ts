import type { Response } from 'graphql-http'
import type { Refusal } from './refusal.ts'

/** A refusal as the whole answer of `/graphql`: a bad token, say, which is refused before anything is read. */
export const graphqlErrors = (refusal: Refusal, id: string | undefined): object => ({
  errors: [
    {
      message: refusal.message,
      extensions: { ...refusal.extensions, ...(refusal.code === 'INTERNAL' && { traceId: id }) },
    },
  ],
})

/** An answer that graphql-http sends as it is. */
export const graphqlAnswer = (status: number, body: object, type: string): Response => [
  JSON.stringify(body),
  { status, statusText: '', headers: { 'content-type': type } },
]
