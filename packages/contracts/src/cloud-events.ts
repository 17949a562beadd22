import { Type, type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/** The schema of a CloudEvent 1.0 in structured mode. `subject` describes what the event's subject identifies. */
export const cloudEvent = <Source extends string, Kind extends TSchema, Data extends TSchema>(event: {
  source: Source
  type: Kind
  subject: string
  data: Data
}) =>
  Type.Object({
    specversion: Type.Literal('1.0'),
    id: Type.String({ minLength: 1, description: 'The same for every delivery of this event' }),
    source: Type.Literal(event.source),
    type: event.type,
    subject: Type.String({ minLength: 1, description: event.subject }),
    time: Type.String({ format: 'date-time' }),
    datacontenttype: Type.Literal('application/json'),
    traceparent: Type.Optional(Type.String()),
    data: event.data,
  })

/**
 * Creates a parser of events from the text of a message. Unknown fields are kept, because later versions of an event only add
 * fields.
 *
 * The parser throws an Error whose message names the first mismatch, without any content of the message.
 *
 * @param name the event in an error message, with its article: `an order event`
 */
export function createEventParser<T extends TSchema>(schema: T, name: string): (text: string) => Static<T> {
  const validator = Compile(schema)
  return (text) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      throw new Error('not JSON')
    }
    if (validator.Check(value)) return value
    const [first] = validator.Errors(value)
    throw new Error(`not ${name}: ${first?.instancePath || '/'} ${first?.message}`)
  }
}
