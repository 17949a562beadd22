import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { App } from './app.ts'

type Json = Record<string, unknown>

/**
 * Describes the service's REST routes at /openapi.json as OpenAPI 3.1, from the very schemas that validate, and shows
 * them as a page at /docs. A schema with a `title` becomes a named component.
 */
export async function openapi(app: App, name: string): Promise<void> {
  const plain = app as unknown as FastifyInstance
  await plain.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: name, version: '1', license: { name: 'Apache-2.0' } },
      servers: [
        { url: '/api', description: 'through the gateway' },
        { url: '/', description: 'this service itself' },
      ],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
    transformObject: (document) =>
      'openapiObject' in document
        ? (named(document.openapiObject as unknown as Json) as never)
        : document.swaggerObject,
  })
  await plain.register(swaggerUi, { routePrefix: '/docs', uiConfig: { tryItOutEnabled: true } })
  app.get('/openapi.json', { schema: { hide: true } }, async () => plain.swagger())
}

/** Moves every schema that has a title into components, once, and leaves a reference in its place. */
function named(document: Json): Json {
  const components = document['components'] as Json
  const schemas: Json = {}
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (value === null || typeof value !== 'object') return value
    const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]))
    const { title } = copy
    if (typeof title !== 'string' || !('type' in copy || 'anyOf' in copy || 'allOf' in copy)) return copy
    schemas[title] = copy
    return { $ref: `#/components/schemas/${title}` }
  }
  const paths = walk(document['paths']) as Json
  for (const operations of Object.values(paths) as Record<string, Operation>[])
    for (const { requestBody, responses = {} } of Object.values(operations)) {
      if (requestBody) requestBody.required = !mayBeNull(requestBody)
      for (const [status, answered] of Object.entries(responses)) tell(status, answered)
    }
  return {
    ...document,
    paths,
    components: { ...components, schemas: { ...(components['schemas'] as Json), ...schemas } },
  }
}

type Operation = { requestBody?: Asked; responses?: Record<string, Answered> }
type Asked = { required?: boolean; content: Record<string, { schema: { anyOf?: { type?: string }[] } }> }
type Answered = { description: string; content?: Record<string, { schema: unknown }> }

/** Whether a body may be left out: Fastify validates one that is not there as null. */
const mayBeNull = ({ content }: Asked): boolean =>
  Object.values(content).some(({ schema }) => schema.anyOf?.some(({ type }) => type === 'null'))

/** Errors are problem documents; an answer that its route does not describe is told by what its status means. */
function tell(status: string, answered: Answered): void {
  const error = /^[45]/.test(status)
  if (error && answered.content?.['application/json'])
    answered.content = { 'application/problem+json': answered.content['application/json'] }
  if (answered.description === 'Default Response')
    answered.description = status.startsWith('4') ? 'Refused: `code` says why' : error ? 'Not answered now' : 'Done'
}
