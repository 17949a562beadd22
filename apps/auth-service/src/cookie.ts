import { Refusal } from '@halles/service/refusal'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The cookie that holds a browser's refresh token, out of reach of its scripts. */
const NAME = 'halles_refresh'

// Browsers reach us through the gateway, below /api; SameSite keeps other sites from sending the cookie at all.
const attributes = { httpOnly: true, secure: true, sameSite: 'strict', path: '/api' } as const

/** Puts a refresh token in the cookie, for `seconds`. */
export const keepInCookie = (reply: FastifyReply, refreshToken: string, seconds: number): FastifyReply =>
  reply.setCookie(NAME, refreshToken, { ...attributes, maxAge: seconds })

export const clearCookie = (reply: FastifyReply): FastifyReply => reply.clearCookie(NAME, attributes)

/**
 * The refresh token of the request's cookie; undefined when it has none.
 *
 * @throws Refusal `FORBIDDEN` when a page of another origin sent it, or nothing says which did.
 */
export function tokenInCookie(request: FastifyRequest): string | undefined {
  const token = request.cookies[NAME]
  if (token === undefined) return undefined
  if (!isSameOrigin(request))
    throw new Refusal('FORBIDDEN', 'The session cookie is only taken from pages of this shop itself.')
  return token
}

/**
 * Whether the page that sent a request is of the origin that it was sent to.
 *
 * Behind the gateway `Host` is our own name, and `X-Forwarded-Host` is what the browser asked for; the first of several
 * proxies' is the one. Whoever can write that header is no browser under a foreign page's control, for it would have to
 * ask us first (CORS), and we never allow it. `X-Forwarded-Proto: http` proves nothing, for TLS may have ended at a proxy
 * before the one that says so; `https` does: a page that anyone on the way could have written is refused then.
 */
function isSameOrigin({ headers }: FastifyRequest): boolean {
  const { origin } = headers
  const host = first(headers['x-forwarded-host']) ?? headers.host
  if (!origin || !host || !URL.canParse(origin)) return false
  const page = new URL(origin)
  // The origins of all other schemes are one, "null": an extension's page would be of the same as any.
  const schemes = first(headers['x-forwarded-proto']) === 'https' ? ['https:'] : ['https:', 'http:']
  if (!schemes.includes(page.protocol)) return false
  const asked = `${page.protocol}//${host}`
  return URL.canParse(asked) && new URL(asked).origin === page.origin
}

const first = (header: string | string[] | undefined): string | undefined =>
  (Array.isArray(header) ? header[0] : header)?.split(',', 1)[0]?.trim() || undefined
