import { isDeepStrictEqual } from 'node:util'
import { GATEWAY_PROOF } from '@halles/service/client'
import { Refusal } from '@halles/service/refusal'
import type { FastifyInstance } from 'fastify'
import { services, type Service } from './config.ts'
import { upstreamRefusal, type Upstream } from './upstream.ts'

type OpenApi = {
  openapi: string
  info: object
  paths: Record<string, object>
  components: { securitySchemes?: Record<string, object>; schemas?: Record<string, object> }
}

/**
 * Describes everything below /api at /openapi.json: the documents of all services as one, asked for each time, so that
 * it is always that of the services which run. `UNAVAILABLE` or `TIMEOUT` when one of them does not answer.
 */
export function openapi(app: FastifyInstance, upstreams: Record<Service, Upstream>, secret: string | undefined): void {
  const headers: Record<string, string> = secret === undefined ? {} : { [GATEWAY_PROOF]: secret }
  app.get('/openapi.json', async () => {
    const documents = await Promise.all(services.map((service) => documentOf(upstreams[service], headers)))
    return together(documents)
  })
}

async function documentOf({ dispatcher, within }: Upstream, headers: Record<string, string>): Promise<OpenApi> {
  try {
    const asked = {
      path: '/openapi.json',
      method: 'GET',
      headers,
      headersTimeout: within,
      bodyTimeout: within,
    } as const
    const { statusCode, body } = await dispatcher.request(asked)
    if (statusCode === 200) return (await body.json()) as OpenApi
    await body.dump()
  } catch (error) {
    throw upstreamRefusal(error)
  }
  throw new Refusal('UNAVAILABLE', 'This part cannot be answered right now.')
}

/** Several documents as one. Schemas of one name must be one and the same, or a client made from it would be wrong. */
export function together(documents: readonly OpenApi[]): OpenApi & { servers: object[] } {
  const schemas: Record<string, object> = {}
  for (const { components } of documents)
    for (const [name, schema] of Object.entries(components.schemas ?? {}))
      if (!isDeepStrictEqual((schemas[name] ??= schema), schema)) throw new Error(`two schemas are called ${name}`)
  return {
    openapi: '3.1.0',
    info: { title: 'Halles', version: '1', license: { name: 'Apache-2.0' } },
    servers: [{ url: '/api' }],
    components: { securitySchemes: documents[0]?.components.securitySchemes ?? {}, schemas },
    paths: Object.assign({}, ...documents.map(({ paths }) => paths)) as OpenApi['paths'],
  }
}
