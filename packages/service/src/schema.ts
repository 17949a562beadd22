import { Ajv, type ErrorObject, type Options } from 'ajv'
import ajvFormats from 'ajv-formats'
import { Type, type Static, type TSchema } from 'typebox'
import { Refusal, type Fault } from './refusal.ts'

/** How many faults one answer lists at the most. */
const MOST_FAULTS = 20

/** An Ajv with our settings: unknown fields are refused by the schemas themselves, nothing is removed, every fault is told. */
export function createAjv(options: Options = {}): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    // 19.99 / 0.01 is not a whole number in binary: a quotient this near to one counts as whole.
    multipleOfPrecision: 6,
    strict: true,
    // What OpenAPI adds to JSON Schema.
    keywords: ['example'],
    ...options,
  })
  ajvFormats.default(ajv)
  return ajv
}

const strict = createAjv()
const coercing = createAjv({ coerceTypes: true })

/**
 * A reader for one shape: gives back the value, its text NFC-normalised and its defaults filled in, typed.
 * The same function stands at every door (REST bodies, GraphQL arguments, gRPC requests).
 *
 * @throws Refusal `VALIDATION_FAILED` that names each fault by its path.
 */
export function reader<T extends TSchema>(schema: T): (value: unknown) => Static<T> {
  const read = validatorOf(schema, 'body')
  return (value) => {
    const result = read(value)
    if (result.error) throw result.error
    return result.value as Static<T>
  }
}

/**
 * Fastify's validator: bodies are taken as they are, what comes as text in the URL or a header is turned into its type.
 */
export function validatorOf(schema: TSchema, part: string): (value: unknown) => { value?: unknown; error?: Refusal } {
  const validate = (part === 'body' ? strict : coercing).compile(schema)
  return (given) => {
    const value = normalised(given)
    if (typeof value === 'symbol') return { error: new Refusal('VALIDATION_FAILED', unreadable[value]!) }
    if (validate(value)) return { value }
    return {
      error: new Refusal('VALIDATION_FAILED', sentenceFor(part), { errors: faultsOf(validate.errors) }),
    }
  }
}

const sentenceFor = (part: string): string =>
  part === 'querystring' ? 'The query does not fit: see errors.' : 'What was sent does not fit: see errors.'

/** Ajv's errors as ours: a JSON pointer and a few words, at most 20 of them, each path once. */
export function faultsOf(errors: readonly ErrorObject[] | null | undefined): Fault[] {
  const faults = new Map<string, Fault>()
  for (const error of errors ?? []) {
    const fault = faultOf(error)
    if (!faults.has(fault.path)) faults.set(fault.path, fault)
    if (faults.size === MOST_FAULTS) break
  }
  return [...faults.values()]
}

function faultOf({ instancePath, keyword, params, message }: ErrorObject): Fault {
  const at = (name: unknown): string => `${instancePath}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
  switch (keyword) {
    case 'additionalProperties':
      return { path: at(params['additionalProperty']), message: 'is not a known field' }
    case 'required':
      return { path: at(params['missingProperty']), message: 'is missing' }
    case 'dependencies':
      return { path: at(params['missingProperty']), message: `is missing beside ${String(params['property'])}` }
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

/** How deep a value may be nested: far more than any shape here, and far less than what overflows the stack. */
const DEEPEST = 64
const TOO_DEEP = Symbol('nested too deeply')

/**
 * More marks on one letter than any language writes: the Stream-Safe Text Format of UAX #15 allows 30. Normalising puts
 * each mark in its place among those of its letter, so the work grows with the square of their number: 40,000 take 5 s.
 */
const FAR_TOO_MARKED = /(?<!\p{M})\p{M}{31}/u // from the first mark on, so that each is looked at once
const TOO_MARKED = Symbol('too many marks on a letter')

const unreadable: Record<symbol, string> = {
  [TOO_DEEP]: 'What was sent is nested too deeply.',
  [TOO_MARKED]: 'In what was sent a letter has more than 30 accents or other marks.',
}

/**
 * A copy of a JSON value whose text is in Unicode normal form C, so that "Reçue" is equal however it was typed; TOO_DEEP
 * or TOO_MARKED for one that no shape here could fit.
 */
function normalised(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return FAR_TOO_MARKED.test(value) ? TOO_MARKED : value.normalize('NFC')
  if (value === null || typeof value !== 'object') return value
  if (depth > DEEPEST) return TOO_DEEP
  const copy: unknown[] = []
  for (const inner of Object.values(value)) {
    const one = normalised(inner, depth + 1)
    if (typeof one === 'symbol') return one
    copy.push(one)
  }
  return Array.isArray(value) ? copy : Object.fromEntries(Object.keys(value).map((key, i) => [key, copy[i]]))
}

/** An object that refuses fields which it does not name. */
export const Closed = <P extends Record<string, TSchema>>(
  properties: P,
  options: { title?: string; description?: string } = {},
) => Type.Object(properties, { additionalProperties: false, ...options })

const NOT_BLANK = '\\S'

/** Text with something in it, of at most so many characters. */
export const Text = (maxLength: number, options: { description?: string; minLength?: number } = {}) =>
  Type.String({ minLength: 1, maxLength, pattern: NOT_BLANK, ...options })

/** Euros, 0 to 999999.99, with at most two decimals. */
export const Price = Type.Number({ minimum: 0, maximum: 999999.99, multipleOf: 0.01, description: 'Euros' })

/** A moment as ISO 8601 in UTC. */
export const Moment = Type.String({ format: 'date-time' })

/** A field that may be null in an answer. */
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** The part of a list's query that every list has. */
export const PageQuery = {
  first: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'How many' }),
  after: Type.Optional(Type.String({ maxLength: 1000, description: 'The endCursor of the page before' })),
}

/** An error as every REST route answers it (RFC 9457). */
export const Problem = Type.Object(
  {
    type: Type.String(),
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
