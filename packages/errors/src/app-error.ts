/**
 * gRPC's status codes by name (grpc.github.io/grpc/core/md_doc_statuscodes.html), repeated here so that services without gRPC
 * do not load grpc-js.
 */
const grpc = {
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const

/**
 * Every error code that clients may rely on, with its form in each protocol: `http` is the REST status, `grpc` the gRPC status,
 * `title` the title of the problem document (RFC 9457). GraphQL sends the code in `extensions`.
 */
export const errorCodes = {
  VALIDATION_FAILED: { http: 400, grpc: grpc.INVALID_ARGUMENT, title: 'The request is invalid' },
  GRAPHQL_PARSE_FAILED: { http: 400, grpc: grpc.INVALID_ARGUMENT, title: 'The GraphQL document cannot be parsed' },
  GRAPHQL_VALIDATION_FAILED: {
    http: 400,
    grpc: grpc.INVALID_ARGUMENT,
    title: 'The operation does not match the schema',
  },
  QUERY_TOO_COMPLEX: { http: 400, grpc: grpc.INVALID_ARGUMENT, title: 'The operation is too complex' },
  UNAUTHENTICATED: { http: 401, grpc: grpc.UNAUTHENTICATED, title: 'Authentication required' },
  INVALID_CREDENTIALS: { http: 401, grpc: grpc.UNAUTHENTICATED, title: 'Wrong e-mail or password' },
  FORBIDDEN: { http: 403, grpc: grpc.PERMISSION_DENIED, title: 'Not allowed' },
  OPERATION_NOT_ALLOWED: { http: 403, grpc: grpc.PERMISSION_DENIED, title: 'This operation is not persisted' },
  NOT_FOUND: { http: 404, grpc: grpc.NOT_FOUND, title: 'Not found' },
  PERSISTED_QUERY_NOT_FOUND: { http: 404, grpc: grpc.NOT_FOUND, title: 'Unknown document id' },
  EMAIL_TAKEN: { http: 409, grpc: grpc.ALREADY_EXISTS, title: 'This e-mail address has an account' },
  PRODUCT_UNAVAILABLE: { http: 409, grpc: grpc.FAILED_PRECONDITION, title: 'A product is unavailable' },
  INSUFFICIENT_STOCK: { http: 409, grpc: grpc.FAILED_PRECONDITION, title: 'Not enough in stock' },
  PRICE_CHANGED: { http: 409, grpc: grpc.FAILED_PRECONDITION, title: 'A price has changed' },
  INVALID_TRANSITION: { http: 409, grpc: grpc.FAILED_PRECONDITION, title: 'This status change is not allowed' },
  IN_PROGRESS: { http: 409, grpc: grpc.ABORTED, title: 'Still in progress' },
  STALE: { http: 412, grpc: grpc.ABORTED, title: 'Changed in the meantime' },
  PAYLOAD_TOO_LARGE: { http: 413, grpc: grpc.RESOURCE_EXHAUSTED, title: 'The request is too large' },
  UNSUPPORTED_MEDIA_TYPE: { http: 415, grpc: grpc.INVALID_ARGUMENT, title: 'Unsupported media type' },
  IDEMPOTENCY_KEY_REUSED: {
    http: 422,
    grpc: grpc.FAILED_PRECONDITION,
    title: 'Idempotency key reused for another request',
  },
  RATE_LIMITED: { http: 429, grpc: grpc.RESOURCE_EXHAUSTED, title: 'Too many requests' },
  INTERNAL: { http: 500, grpc: grpc.INTERNAL, title: 'Internal error' },
  UNAVAILABLE: { http: 503, grpc: grpc.UNAVAILABLE, title: 'Temporarily unavailable' },
  TIMEOUT: { http: 504, grpc: grpc.DEADLINE_EXCEEDED, title: 'Timed out' },
} as const satisfies Record<string, { http: number; grpc: number; title: string }>

export type ErrorCode = keyof typeof errorCodes

/**
 * The `type` of a problem document with this code: a relative URI reference, at which the gateway serves a page that explains
 * the code (RFC 9457, 3.1.1).
 */
export const toProblemType = (code: ErrorCode): string => `/problems/${code.toLowerCase().replaceAll('_', '-')}`

/** An error of one input field: `path` is a JSON pointer into the input, `message` a phrase; some codes add fields. */
export type FieldError = { path: string; message: string; [detail: string]: unknown }

/**
 * The only error whose message is sent to clients, by every protocol.
 *
 * `message` is a sentence that a customer can read. `errors` lists field errors. `retryAfter` is in seconds. `extensions` are
 * the extensions of the GraphQL error.
 */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly errors: readonly FieldError[] | undefined
  readonly retryAfter: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { errors?: readonly FieldError[]; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.errors = options.errors
    this.retryAfter = options.retryAfter ?? (code === 'UNAVAILABLE' || code === 'TIMEOUT' ? 2 : undefined)
  }

  get extensions(): { code: ErrorCode; errors?: readonly FieldError[]; retryAfter?: number } {
    return {
      code: this.code,
      ...(this.errors && { errors: this.errors }),
      ...(this.retryAfter !== undefined && { retryAfter: this.retryAfter }),
    }
  }
}

/** Whether a value, such as the code in another service's response, is an error code. */
export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorCodes, code)

/**
 * Converts an error to an AppError: an AppError to itself; errors of the MongoDB driver that a lost connection, an election
 * or a slow server causes to `UNAVAILABLE` or `TIMEOUT`, after which a write may have happened all the same. Returns
 * undefined for any other error, such as a duplicate key or an invalid filter, which is a bug.
 */
export function toAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error
  if (!(error instanceof Error)) return undefined
  // insertMany and bulkWrite wrap the error of their command.
  const { errorResponse } = error as { errorResponse?: unknown }
  if (error.name === 'MongoBulkWriteError' && errorResponse instanceof Error) return toAppError(errorResponse)
  const code = serverErrorCode(error)
  if (timeoutErrors.has(error.name) || (code !== undefined && timeoutCodes.has(code)))
    return new AppError('TIMEOUT', 'The database took too long.', { cause: error })
  if (
    connectionErrors.has(error.name) ||
    (code !== undefined && unavailableCodes.has(code)) ||
    hasTransientLabel(error) ||
    isBrokenConnection(error)
  )
    return new AppError('UNAVAILABLE', 'The database cannot be reached right now.', { cause: error })
  return undefined
}

/** The code of an error that MongoDB's server reported. */
const serverErrorCode = ({ name, code }: Error & { code?: unknown }): number | undefined =>
  serverErrors.has(name) && typeof code === 'number' ? code : undefined

/** Whether MongoDB or its driver labels an error as transient: the same operation may succeed later. */
const hasTransientLabel = ({ name, errorLabels }: Error & { errorLabels?: unknown }): boolean =>
  name.startsWith('Mongo') && Array.isArray(errorLabels) && errorLabels.some((label) => transientLabels.has(label))

/**
 * Whether a connection broke during a write. The driver (7.9) then waits for the socket to drain, and throws the socket's error
 * neither wrapped nor retried. After the server has ended the connection, this is an EPIPE of Node itself, without a syscall.
 */
const isBrokenConnection = ({ code, syscall }: NodeJS.ErrnoException): boolean =>
  code === 'EPIPE' || (code === 'ECONNRESET' && (syscall === 'write' || syscall === 'read'))

const serverErrors = new Set(['MongoServerError', 'MongoWriteConcernError', 'MongoBulkWriteError'])
const timeoutErrors = new Set(['MongoOperationTimeoutError', 'MongoNetworkTimeoutError', 'MongoWaitQueueTimeoutError'])
const connectionErrors = new Set([
  'MongoNetworkError',
  'MongoServerSelectionError',
  'MongoPoolClearedError',
  'PoolClearedOnNetworkError', // the monitor of a frozen member has timed out
  'MongoPoolClosedError',
  'MongoNotConnectedError',
  'MongoServerClosedError',
  'MongoStalePrimaryError',
  'MongoTopologyClosedError',
  'MongoClientClosedError',
])
/** Labels of the specifications of retryable writes, transactions and overload (github.com/mongodb/specifications). */
const transientLabels = new Set<unknown>([
  'RetryableWriteError',
  'TransientTransactionError',
  'UnknownTransactionCommitResult',
  'PoolRequestedRetry',
  'ResetPool',
  'SystemOverloadedError',
])
/** Codes of the server (src/mongo/base/error_codes.yml) for an operation that took too long, or lost a race for too long. */
const timeoutCodes = new Set([
  24, // LockTimeout
  50, // MaxTimeMSExpired
  64, // WriteConcernTimeout, before 8.1 WriteConcernFailed
  89, // NetworkTimeout
  112, // WriteConflict
  202, // NetworkInterfaceExceededTimeLimit
  262, // ExceededTimeLimit
])
/** Codes of the server for a node that is not, or no longer, the one to ask: an election, a shutdown, a lost member. */
const unavailableCodes = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  43, // CursorNotFound: it ended with the node that had it
  91, // ShutdownInProgress
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  9001, // SocketException
  10058, // LegacyNotPrimary
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary, in earlier versions NodeIsRecovering
])
