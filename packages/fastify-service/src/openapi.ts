import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

type Json = Record<string, unknown>

/**
 * Serves an OpenAPI 3.1 document of the service's REST routes at /openapi.json, generated from the schemas that validate requests,
 * and Swagger UI at /docs. A schema with a `title` becomes a named component.
 */
export async function registerOpenApi(app: FastifyInstance, name: string): Promise<void> {
  await app.register(swagger, {
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
        ? (withComponents(document.openapiObject as unknown as Json) as never)
        : document.swaggerObject,
  })
  await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { tryItOutEnabled: true } })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

/** Moves every schema with a title to the components, and replaces it by a reference. */
function withComponents(document: Json): Json {
  const components = document['components'] as Json
  const schemas: Json = {}
  const extract = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(extract)
    if (value === null || typeof value !== 'object') return value
    const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, extract(inner)]))
    const { title } = copy
    if (typeof title !== 'string' || !('type' in copy || 'anyOf' in copy || 'allOf' in copy)) return copy
    schemas[title] = copy
    return { $ref: `#/components/schemas/${title}` }
  }
  const paths = extract(document['paths']) as Json
  for (const operations of Object.values(paths) as Record<string, Operation>[])
    for (const { requestBody, responses = {} } of Object.values(operations)) {
      if (requestBody) requestBody.required = !isNullable(requestBody)
      for (const [status, response] of Object.entries(responses)) describeResponse(status, response)
    }
  return {
    ...document,
    paths,
    components: { ...components, schemas: { ...(components['schemas'] as Json), ...schemas } },
  }
}

type Operation = { requestBody?: RequestBody; responses?: Record<string, Response> }
type RequestBody = { required?: boolean; content: Record<string, { schema: { anyOf?: { type?: string }[] } }> }
type Response = { description: string; content?: Record<string, { schema: unknown }> }

/** Whether a body is optional: Fastify validates a missing body as null. */
const isNullable = ({ content }: RequestBody): boolean =>
  Object.values(content).some(({ schema }) => schema.anyOf?.some(({ type }) => type === 'null'))

/** Sets the media type of problem documents, and a description where the route has none. */
function describeResponse(status: string, response: Response): void {
  const isError = /^[45]/.test(status)
  if (isError && response.content?.['application/json'])
    response.content = { 'application/problem+json': response.content['application/json'] }
  if (response.description === 'Default Response')
    response.description = status.startsWith('4')
      ? 'Rejected, for the reason in `code`'
      : isError
        ? 'Temporarily unavailable'
        : 'Success'
}
