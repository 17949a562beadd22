import type { IncomingMessage, ServerResponse } from 'node:http'
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/**
 * What browsers are told by every answer: pages load from here only and are framed by no one. Pages that need more or less
 * say so themselves. Made by helmet, once: it would make the same for each request.
 */
export function guardingHeaders(): Readonly<Record<string, string>> {
  const guard = helmet({
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
  const headers: Record<string, string> = {}
  const writtenDown = {
    setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value),
    removeHeader: () => {},
  }
  guard({} as IncomingMessage, writtenDown as unknown as ServerResponse, () => {})
  return headers
}

/** Lets scripts of these other sites read what is answered. */
export async function openTo(app: FastifyInstance, origins: readonly string[]): Promise<void> {
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
