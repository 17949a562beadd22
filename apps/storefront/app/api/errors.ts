import type { CombinedError } from '@urql/core'
import type { Messages } from '../i18n/fr.ts'

/** A field error of the contract: the JSON pointer of the field, and what is wrong with it. */
export type FieldError = { path: string; message: string; productId?: string; available?: number; price?: number }

/** An error of the API. Its code is one of the contract's, or `NETWORK` when there was no answer. */
export class ApiError extends Error {
  readonly code: string
  readonly fields: readonly FieldError[]
  /** How long to wait before another attempt, in seconds, if the API says so. */
  readonly retryAfter: number | undefined

  constructor(code: string, message: string, fields: readonly FieldError[] = [], retryAfter?: number) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.fields = fields
    this.retryAfter = retryAfter
  }
}

/** Converts the error of a GraphQL result. The first error with a code decides. */
export function toApiError(error: CombinedError): ApiError {
  if (error.networkError !== undefined && error.graphQLErrors.length === 0)
    return new ApiError('NETWORK', error.networkError.message)
  const first = error.graphQLErrors.find(({ extensions }) => typeof extensions['code'] === 'string')
  const extensions = first?.extensions as { code?: string; errors?: FieldError[]; retryAfter?: number } | undefined
  return new ApiError(
    extensions?.code ?? 'INTERNAL',
    first?.message ?? error.message,
    extensions?.errors,
    extensions?.retryAfter,
  )
}

/** Converts a problem (RFC 9457) of the REST API. */
export const readProblem = async (response: Response): Promise<ApiError> =>
  toProblem(response.status, await response.text().catch(() => ''), response.headers.get('retry-after'))

/** Converts the status, the body and the header `Retry-After` of an answer that is a problem. */
export function toProblem(status: number, body: string, retryAfter: string | null): ApiError {
  const problem = parseProblem(body)
  const seconds = Number(retryAfter ?? Number.NaN)
  return new ApiError(
    problem.code ?? (status >= 500 ? 'UNAVAILABLE' : 'INTERNAL'),
    problem.detail ?? `HTTP ${status}`,
    problem.errors,
    Number.isNaN(seconds) ? undefined : seconds,
  )
}

function parseProblem(body: string): { code?: string; detail?: string; errors?: FieldError[] } {
  try {
    return (JSON.parse(body) as ReturnType<typeof parseProblem> | null) ?? {}
  } catch {
    return {} // a proxy in between answered
  }
}

/** The sentence that tells a customer what went wrong and what to do. */
export function describeError(error: unknown, messages: Messages): string {
  const code = error instanceof ApiError ? error.code : 'INTERNAL'
  const known = messages.errors[code as keyof Messages['errors']]
  if (typeof known === 'function') return known(error instanceof ApiError ? error.retryAfter : undefined)
  return known ?? messages.errors.INTERNAL
}

/** The messages of the field errors by the name of the field: `/email` → `email`. */
export const fieldMessages = (error: ApiError): Record<string, string> =>
  Object.fromEntries(error.fields.map(({ path, message }) => [path.split('/').at(-1) ?? '', message]))
