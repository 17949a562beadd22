import type { Response } from 'graphql-http'
import type { Refusal } from './refusal.ts'

/** The GraphQL response body for an error before execution, such as an invalid token. */
export const graphqlErrors = (appError: Refusal, id: string | undefined): object => ({
  errors: [
    {
      message: appError.message,
      extensions: { ...appError.extensions, ...(appError.code === 'INTERNAL' && { traceId: id }) },
    },
  ],
})

/** A response that graphql-http sends unchanged. */
export const graphqlAnswer = (status: number, body: object, type: string): Response => [
  JSON.stringify(body),
  { status, statusText: '', headers: { 'content-type': type } },
]
