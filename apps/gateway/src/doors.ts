import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'

/**
 * What browsers are told about every answer: pages load from here only and are framed by no one, and scripts of other
 * sites read nothing, except those of `origins`. Pages that need more or less say so themselves.
 */
export async function guardDoors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        // Swagger UI makes styles as it runs.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'https:'],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    // Pictures may be shown anywhere.
    crossOriginResourcePolicy: { policy: 'cross-origin' },
  })
  if (origins.length > 0)
    await app.register(cors, {
      origin: [...origins],
      // Tokens are in a header that a page sets itself; cookies are for our own pages.
      credentials: false,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'if-match', 'if-none-match', 'traceparent'],
      exposedHeaders: ['etag', 'location', 'retry-after', 'ratelimit', 'ratelimit-policy', 'x-trace-id'],
      maxAge: 600,
    })
}
