import { isDeepStrictEqual } from 'node:util'
import { GATEWAY_SECRET_HEADER } from '@halles/auth/client-address'
import { runOutsideTrace } from '@halles/telemetry/trace'
import type { FastifyInstance } from 'fastify'
import { services, type Service } from './config.ts'
import { type UpstreamClient } from './upstream/upstream-client.ts'
import { createUnavailableError, toUpstreamError } from './upstream/upstream-response.ts'

export type OpenApiDocument = {
  openapi: string
  info: object
  paths: Record<string, object>
  components: { securitySchemes?: Record<string, object>; schemas?: Record<string, object> }
}

/** How long a merged document is served from memory, in milliseconds. */
const MAX_AGE = 60_000

/**
 * Serves the OpenAPI document of all routes below /api at /openapi.json: the documents of all services, merged. The
 * services are asked at most once a minute, by one request at a time; others wait for its result. A failure is not cached.
 * Answers `UNAVAILABLE` or `TIMEOUT` when a service does not answer, rather than a document without its part.
 *
 * @param now the time in milliseconds
 */
export function registerOpenApi(
  app: FastifyInstance,
  upstreams: Record<Service, UpstreamClient>,
  gatewaySecret: string | undefined,
  now: () => number = Date.now,
): void {
  const headers: Record<string, string> = gatewaySecret === undefined ? {} : { [GATEWAY_SECRET_HEADER]: gatewaySecret }
  const findDocument = cacheDocument(async () => {
    const documents = await Promise.all(services.map((service) => fetchDocument(upstreams[service], headers)))
    return mergeDocuments(documents)
  }, now)
  app.get('/openapi.json', findDocument)
}

/** Caches what `load` resolves to for MAX_AGE, and shares one load among concurrent calls. */
export function cacheDocument<T>(load: () => Promise<T>, now: () => number): () => Promise<T> {
  let cached: { document: T; loadedAt: number } | undefined
  let loading: Promise<T> | undefined
  const refresh = async (): Promise<T> => {
    const loadedAt = now()
    const document = await load()
    cached = { document, loadedAt }
    return document
  }
  return async () => {
    if (cached && now() - cached.loadedAt < MAX_AGE) return cached.document
    // Shared by several callers, so that none of them may end it.
    loading ??= runOutsideTrace(refresh).finally(() => {
      loading = undefined
    })
    return loading
  }
}

async function fetchDocument(
  { dispatcher, timeout }: UpstreamClient,
  headers: Record<string, string>,
): Promise<OpenApiDocument> {
  try {
    const request = {
      path: '/openapi.json',
      method: 'GET',
      headers,
      headersTimeout: timeout(),
      bodyTimeout: timeout(),
    } as const
    const { statusCode, body } = await dispatcher.request(request)
    if (statusCode === 200) return (await body.json()) as OpenApiDocument
    await body.dump()
  } catch (error) {
    throw toUpstreamError(error)
  }
  throw createUnavailableError()
}

/**
 * Merges the documents of several services.
 *
 * @throws Error when two different schemas have the same name: a client generated from the result would be wrong
 */
export function mergeDocuments(documents: readonly OpenApiDocument[]): OpenApiDocument & { servers: object[] } {
  const schemas: Record<string, object> = {}
  for (const { components } of documents)
    for (const [name, schema] of Object.entries(components.schemas ?? {}))
      if (!isDeepStrictEqual((schemas[name] ??= schema), schema)) throw new Error(`two schemas are called ${name}`)
  return {
    openapi: '3.1.0',
    info: { title: 'Halles', version: '1', license: { name: 'Apache-2.0' } },
    servers: [{ url: '/api' }],
    components: { securitySchemes: documents[0]?.components.securitySchemes ?? {}, schemas },
    paths: Object.assign({}, ...documents.map(({ paths }) => paths)) as OpenApiDocument['paths'],
  }
}
