import { Ajv, type ErrorObject, type Options } from 'ajv'
import ajvFormats from 'ajv-formats'
import { Type, type Static, type TSchema } from 'typebox'
import { AppError, type FieldError } from '@halles/errors/app-error'

/** The most field errors in one response. */
const MAX_FIELD_ERRORS = 20

/** Creates an Ajv that reports all errors, fills in defaults and removes nothing; schemas themselves reject unknown fields. */
export function createAjv(options: Options = {}): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    // 19.99 / 0.01 is not an integer in binary floating point: a quotient this close to an integer counts as one.
    multipleOfPrecision: 6,
    strict: true,
    // A keyword of OpenAPI.
    keywords: ['example'],
    ...options,
  })
  ajvFormats.default(ajv)
  return ajv
}

const strict = createAjv()
const coercing = createAjv({ coerceTypes: true })

/**
 * Creates a parser for one schema: it returns the validated value, typed, with text in Unicode NFC and defaults filled in. Used
 * for REST bodies, GraphQL arguments and gRPC requests alike.
 *
 * @throws AppError `VALIDATION_FAILED` with a field error for each mistake
 */
export function createParser<T extends TSchema>(schema: T): (value: unknown) => Static<T> {
  const validate = createValidator(schema, 'body')
  return (value) => {
    const result = validate(value)
    if (result.error) throw result.error
    return result.value as Static<T>
  }
}

/**
 * Creates a Fastify validator for one part of a request. Text in the URL and in headers is converted to the schema's types; bodies
 * are not converted.
 */
export function createValidator(
  schema: TSchema,
  part: string,
): (value: unknown) => { value?: unknown; error?: AppError } {
  const validate = (part === 'body' ? strict : coercing).compile(schema)
  return (input) => {
    const value = normalize(input)
    if (typeof value === 'symbol') return { error: new AppError('VALIDATION_FAILED', rejections[value]!) }
    if (validate(value)) return { value }
    return {
      error: new AppError('VALIDATION_FAILED', messageFor(part), { errors: toFieldErrors(validate.errors) }),
    }
  }
}

const messageFor = (part: string): string =>
  part === 'querystring' ? 'The query string is invalid: see errors.' : 'What was sent does not fit: see errors.'

/** Converts Ajv's errors to field errors: at most 20, and one for each path. */
export function toFieldErrors(errors: readonly ErrorObject[] | null | undefined): FieldError[] {
  const fieldErrors = new Map<string, FieldError>()
  for (const error of errors ?? []) {
    const fieldError = toFieldError(error)
    if (!fieldErrors.has(fieldError.path)) fieldErrors.set(fieldError.path, fieldError)
    if (fieldErrors.size === MAX_FIELD_ERRORS) break
  }
  return [...fieldErrors.values()]
}

function toFieldError({ instancePath, keyword, params, message }: ErrorObject): FieldError {
  const pathTo = (name: unknown): string =>
    `${instancePath}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
  switch (keyword) {
    case 'additionalProperties':
      return { path: pathTo(params['additionalProperty']), message: 'is not a known field' }
    case 'required':
      return { path: pathTo(params['missingProperty']), message: 'is missing' }
    case 'dependencies':
      return { path: pathTo(params['missingProperty']), message: `is missing beside ${String(params['property'])}` }
    case 'enum':
      return { path: instancePath, message: `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}` }
    case 'multipleOf':
      return params['multipleOf'] === 0.01
        ? { path: instancePath, message: 'must have at most two decimals' }
        : { path: instancePath, message: message ?? keyword }
    case 'pattern':
      return {
        path: instancePath,
        message: params['pattern'] === NOT_BLANK ? 'must not be blank' : 'has the wrong form',
      }
    default:
      return { path: instancePath, message: message ?? keyword }
  }
}

/** The deepest nesting of a value: more than any schema here, and far less than what overflows the stack. */
const MAX_DEPTH = 64
const TOO_DEEP = Symbol('nested too deeply')

/**
 * More combining marks on one character than the 30 that the Stream-Safe Text Format (UAX #15) allows. Normalization sorts the
 * marks of a character in quadratic time: 40,000 take 5 s.
 */
const MARKS_OVER_LIMIT = /(?<!\p{M})\p{M}{31}/u // the lookbehind makes the search linear
const TOO_MANY_MARKS = Symbol('too many combining marks on a character')

const rejections: Record<symbol, string> = {
  [TOO_DEEP]: 'The input is nested too deeply.',
  [TOO_MANY_MARKS]: 'A character in the input has more than 30 combining marks.',
}

/**
 * Copies a JSON value with its text in Unicode NFC, so that "Reçue" is equal however its accents are encoded. Returns TOO_DEEP or
 * TOO_MANY_MARKS for a value that is expensive to process.
 */
function normalize(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return MARKS_OVER_LIMIT.test(value) ? TOO_MANY_MARKS : value.normalize('NFC')
  if (value === null || typeof value !== 'object') return value
  if (depth > MAX_DEPTH) return TOO_DEEP
  const copy: unknown[] = []
  for (const inner of Object.values(value)) {
    const normalized = normalize(inner, depth + 1)
    if (typeof normalized === 'symbol') return normalized
    copy.push(normalized)
  }
  return Array.isArray(value) ? copy : Object.fromEntries(Object.keys(value).map((key, i) => [key, copy[i]]))
}

/** The schema of an object without unknown fields. */
export const ClosedObject = <P extends Record<string, TSchema>>(
  properties: P,
  options: { title?: string; description?: string } = {},
) => Type.Object(properties, { additionalProperties: false, ...options })

const NOT_BLANK = '\\S'

/** The schema of non-blank text of at most `maxLength` characters. */
export const Text = (maxLength: number, options: { description?: string; minLength?: number } = {}) =>
  Type.String({ minLength: 1, maxLength, pattern: NOT_BLANK, ...options })

/** The schema of a price in euros, 0 to 999999.99, with at most two decimals. */
export const Price = Type.Number({ minimum: 0, maximum: 999999.99, multipleOf: 0.01, description: 'Euros' })

/** The schema of a timestamp in ISO 8601. */
export const Timestamp = Type.String({ format: 'date-time' })

/** The schema of a nullable field. */
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** The pagination parameters of every list. */
export const PageQuery = {
  first: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'The most items to return' }),
  after: Type.Optional(Type.String({ maxLength: 1000, description: 'The endCursor of the previous page' })),
}

/** The schema of error responses: a problem document (RFC 9457). */
export const ProblemDetails = Type.Object(
  {
    type: Type.String({ description: 'The path of a page about the code' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String(),
    traceId: Type.Optional(Type.String()),
    errors: Type.Optional(
      Type.Array(Type.Object({ path: Type.String(), message: Type.String() }, { additionalProperties: true })),
    ),
  },
  { title: 'Problem' },
)
