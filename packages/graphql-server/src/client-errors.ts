import { isErrorCode, toAppError, type AppError } from '@halles/errors/app-error'
import { traceId } from '@halles/telemetry/trace'
import type { Logger } from '@halles/telemetry/log'
import { GraphQLError, type GraphQLErrorExtensions } from 'graphql'

/** Codes by which an operation is refused before its execution, whatever it is: the HTTP status says so to every client. */
export const loadCodes: ReadonlySet<unknown> = new Set(['RATE_LIMITED', 'UNAVAILABLE'])

/** Converts an AppError to a GraphQL error with its code, and no path. */
export const toGraphQLError = ({ message, extensions }: AppError): GraphQLError =>
  new GraphQLError(message, { extensions })

/** Copies an error with an error code, and none of its other extensions. */
export const withCode = (error: GraphQLError, code: string): GraphQLError => copyError(error, error.message, { code })

/** Removes the names that graphql-js suggests in errors of variables, where its option `hideSuggestions` has no effect. */
export const withoutSuggestions = (error: GraphQLError): GraphQLError =>
  copyError(error, error.message.replace(/ Did you mean .*\?$/s, ''), error.extensions)

/** Maps an execution error to what clients may see: AppErrors and invalid variables with their code, any other as `INTERNAL`. */
export function toClientError(error: GraphQLError, { log }: { log: Logger }): GraphQLError {
  const cause = error.originalError ?? undefined
  const appError = toAppError(cause)
  if (appError) return copyError(error, appError.message, appError.extensions)
  // Errors of graphql-jit may have no extensions.
  if (isErrorCode((error.extensions as GraphQLErrorExtensions | undefined)?.['code'])) return error
  // An error without a path precedes execution: the variables are invalid.
  if (!error.path && (!cause || cause instanceof GraphQLError))
    return copyError(error, error.message, { code: 'VALIDATION_FAILED' })
  log.error({ err: cause ?? error, path: error.path?.join('.') }, 'resolver failed')
  return copyError(error, 'Something went wrong here.', { code: 'INTERNAL', traceId: traceId() })
}

const copyError = (error: GraphQLError, message: string, extensions: Record<string, unknown>): GraphQLError =>
  new GraphQLError(message, {
    ...(error.nodes && { nodes: error.nodes }),
    ...(error.source && { source: error.source }),
    ...(error.positions && { positions: error.positions }),
    ...(error.path && { path: error.path }),
    extensions,
  })
