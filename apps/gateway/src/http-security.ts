import type { IncomingMessage, ServerResponse } from 'node:http'
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/**
 * Creates the security headers of every response: pages load from this origin only, and may not be framed. A page that
 * needs another Content-Security-Policy sets its own. Helmet creates them once, since they are the same for each request.
 */
export function createSecurityHeaders(): Readonly<Record<string, string>> {
  const setSecurityHeaders = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        // Swagger UI creates styles at run time.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'https:'],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    // Any site may embed product images.
    crossOriginResourcePolicy: { policy: 'cross-origin' },
  })
  const headers: Record<string, string> = {}
  const recorder = {
    setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value),
    removeHeader: () => {},
  }
  setSecurityHeaders({} as IncomingMessage, recorder as unknown as ServerResponse, () => {})
  return headers
}

/** Lets scripts of these origins call the gateway and read its responses. Without origins there is no CORS at all. */
export async function registerCors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length > 0)
    await app.register(cors, {
      origin: [...origins],
      // A script sets the access token in a header itself; cookies are for pages of our own origin.
      credentials: false,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
      allowedHeaders: [
        'authorization',
        'content-type',
        'idempotency-key',
        'if-match',
        'if-none-match',
        'last-event-id',
        'traceparent',
      ],
      exposedHeaders: ['etag', 'location', 'retry-after', 'ratelimit', 'ratelimit-policy', 'x-trace-id'],
      maxAge: 600,
    })
}
