/**
 * gRPC's status codes (grpc.github.io/grpc/core/md_doc_statuscodes.html) by name: written down here, so that services
 * without gRPC do not load it.
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
 * Every way in which this platform says no: the code that clients rely on, and what it is called on each door.
 * `http` is the REST status, `grpc` the gRPC status, `title` the problem's title (RFC 9457). GraphQL carries the code.
 */
export const refusals = {
  VALIDATION_FAILED: { http: 400, grpc: grpc.INVALID_ARGUMENT, title: 'The request does not fit' },
  GRAPHQL_PARSE_FAILED: { http: 400, grpc: grpc.INVALID_ARGUMENT, title: 'The GraphQL document cannot be read' },
  GRAPHQL_VALIDATION_FAILED: { http: 400, grpc: grpc.INVALID_ARGUMENT, title: 'The operation does not fit the schema' },
  QUERY_TOO_COMPLEX: { http: 400, grpc: grpc.INVALID_ARGUMENT, title: 'The operation asks for too much' },
  UNAUTHENTICATED: { http: 401, grpc: grpc.UNAUTHENTICATED, title: 'Sign in first' },
  INVALID_CREDENTIALS: { http: 401, grpc: grpc.UNAUTHENTICATED, title: 'Wrong e-mail or password' },
  FORBIDDEN: { http: 403, grpc: grpc.PERMISSION_DENIED, title: 'Not allowed' },
  OPERATION_NOT_ALLOWED: { http: 403, grpc: grpc.PERMISSION_DENIED, title: 'This operation is not on the list' },
  NOT_FOUND: { http: 404, grpc: grpc.NOT_FOUND, title: 'Not found' },
  PERSISTED_QUERY_NOT_FOUND: { http: 404, grpc: grpc.NOT_FOUND, title: 'Unknown document id' },
  EMAIL_TAKEN: { http: 409, grpc: grpc.ALREADY_EXISTS, title: 'This e-mail address has an account' },
  PRODUCT_UNAVAILABLE: { http: 409, grpc: grpc.FAILED_PRECONDITION, title: 'A product cannot be had' },
  INSUFFICIENT_STOCK: { http: 409, grpc: grpc.FAILED_PRECONDITION, title: 'Not enough in stock' },
  PRICE_CHANGED: { http: 409, grpc: grpc.FAILED_PRECONDITION, title: 'A price has changed' },
  INVALID_TRANSITION: { http: 409, grpc: grpc.FAILED_PRECONDITION, title: 'This status cannot follow' },
  IN_PROGRESS: { http: 409, grpc: grpc.ABORTED, title: 'Being worked on' },
  STALE: { http: 412, grpc: grpc.ABORTED, title: 'Changed in the meantime' },
  PAYLOAD_TOO_LARGE: { http: 413, grpc: grpc.RESOURCE_EXHAUSTED, title: 'Too large' },
  UNSUPPORTED_MEDIA_TYPE: { http: 415, grpc: grpc.INVALID_ARGUMENT, title: 'Not JSON' },
  IDEMPOTENCY_KEY_REUSED: { http: 422, grpc: grpc.FAILED_PRECONDITION, title: 'Same key, other order' },
  RATE_LIMITED: { http: 429, grpc: grpc.RESOURCE_EXHAUSTED, title: 'Too many requests' },
  INTERNAL: { http: 500, grpc: grpc.INTERNAL, title: 'Something went wrong here' },
  UNAVAILABLE: { http: 503, grpc: grpc.UNAVAILABLE, title: 'Cannot be answered now' },
  TIMEOUT: { http: 504, grpc: grpc.DEADLINE_EXCEEDED, title: 'Took too long' },
} as const satisfies Record<string, { http: number; grpc: number; title: string }>

export type Code = keyof typeof refusals

/** One thing that is wrong: `path` is a JSON pointer into what was sent, `message` a sentence; more fields by code. */
export type Fault = { path: string; message: string; [detail: string]: unknown }

/**
 * The one error that is meant for a client, the same on every door.
 *
 * `message` is a sentence that a customer could read. `errors` names each part that is wrong. `retryAfter` is in seconds.
 * `extensions` is what GraphQL sends beside the message.
 */
export class Refusal extends Error {
  readonly code: Code
  readonly errors: readonly Fault[] | undefined
  readonly retryAfter: number | undefined

  constructor(
    code: Code,
    message: string,
    more: { errors?: readonly Fault[]; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'Refusal'
    this.code = code
    this.errors = more.errors
    this.retryAfter = more.retryAfter ?? (code === 'UNAVAILABLE' || code === 'TIMEOUT' ? 2 : undefined)
  }

  get extensions(): { code: Code; errors?: readonly Fault[]; retryAfter?: number } {
    return {
      code: this.code,
      ...(this.errors && { errors: this.errors }),
      ...(this.retryAfter !== undefined && { retryAfter: this.retryAfter }),
    }
  }
}

/** Whether a string, from another service say, is one of our codes. */
export const isCode = (code: unknown): code is Code => typeof code === 'string' && Object.hasOwn(refusals, code)

/**
 * The refusal that an error stands for: itself, a database that cannot be reached (`UNAVAILABLE`) or is too slow
 * (`TIMEOUT`). Undefined for anything else: that is a bug, and stays one.
 *
 * The names are those of the MongoDB driver's connection errors; a duplicate key or a bad filter is not among them.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  if (!(error instanceof Error)) return undefined
  // insertMany and bulkWrite wrap whatever kept them from the server.
  if (error.name === 'MongoBulkWriteError')
    return refusalOf((error as Error & { errorResponse?: unknown }).errorResponse)
  if (databaseSlow.has(error.name)) return new Refusal('TIMEOUT', 'The database took too long.', { cause: error })
  if (databaseAway.has(error.name) || brokeInWriting(error))
    return new Refusal('UNAVAILABLE', 'The database cannot be reached right now.', { cause: error })
  return undefined
}

/**
 * Whether a connection broke while it was written to: the driver (7.9) waits for the socket to drain then, and lets the
 * socket's own error through, neither wrapped nor tried again. Where the server has said that it is done, that is Node's
 * own EPIPE, of no system call.
 */
const brokeInWriting = ({ code, syscall }: NodeJS.ErrnoException): boolean =>
  code === 'EPIPE' || (code === 'ECONNRESET' && (syscall === 'write' || syscall === 'read'))

const databaseSlow = new Set(['MongoOperationTimeoutError', 'MongoNetworkTimeoutError', 'MongoWaitQueueTimeoutError'])
const databaseAway = new Set([
  'MongoNetworkError',
  'MongoServerSelectionError',
  'MongoPoolClearedError',
  'MongoPoolClosedError',
  'MongoNotConnectedError',
  'MongoTopologyClosedError',
  'MongoClientClosedError',
])
