import { refreshCookieNames } from '@halles/auth/refresh-cookie-name'
import { AppError } from '@halles/errors/app-error'
import type { FastifyReply, FastifyRequest } from 'fastify'

// Browsers reach this service through the gateway, below /api. SameSite keeps other sites from sending the cookie at all.
const attributes = { httpOnly: true, secure: true, sameSite: 'strict', path: '/api' } as const

/** Sets the cookie to a refresh token, for `seconds`. */
export const setRefreshCookie = (reply: FastifyReply, refreshToken: string, seconds: number): FastifyReply =>
  reply.setCookie(cookieName(reply.request), refreshToken, { ...attributes, maxAge: seconds })

export const clearRefreshCookie = (reply: FastifyReply): FastifyReply =>
  reply.clearCookie(cookieName(reply.request), attributes)

/**
 * Reads the refresh token from the cookie of a request; undefined without that cookie.
 *
 * @throws AppError `FORBIDDEN` when a page of another origin sent the request, or its origin is unknown.
 */
export function readRefreshCookie(request: FastifyRequest): string | undefined {
  if (!Object.values(refreshCookieNames).some((name) => name in request.cookies)) return undefined
  if (!isSameOrigin(request))
    throw new AppError('FORBIDDEN', 'The session cookie is only accepted from pages of this shop.')
  return request.cookies[cookieName(request)]
}

/**
 * The name of the cookie for a request: the one for TLS when `X-Forwarded-Proto` or the page's origin is https. The other cookie
 * is then ignored, because a page without TLS could have set it.
 */
const cookieName = ({ headers }: FastifyRequest): string =>
  firstValue(headers['x-forwarded-proto']) === 'https' || headers.origin?.startsWith('https:')
    ? refreshCookieNames.tls
    : refreshCookieNames.plain

/**
 * Whether the page that sent a request has the origin that the request was sent to.
 *
 * Behind the gateway, `Host` is this service's own name, and `X-Forwarded-Host` is the host that the browser requested; of
 * several values, the first one. A foreign page cannot make a browser send that header, because that needs a CORS preflight,
 * which is never allowed. `X-Forwarded-Proto: http` proves nothing, since TLS may have ended at a proxy before the one that
 * sets it. `https` does prove TLS: then an `http:` page, which an attacker on the network could have written, is rejected.
 */
function isSameOrigin({ headers }: FastifyRequest): boolean {
  const { origin } = headers
  const host = firstValue(headers['x-forwarded-host']) ?? headers.host
  if (!origin || !host || !URL.canParse(origin)) return false
  const page = new URL(origin)
  // All other schemes have the opaque origin "null", so an extension's page would have the same origin as any other.
  const schemes = firstValue(headers['x-forwarded-proto']) === 'https' ? ['https:'] : ['https:', 'http:']
  if (!schemes.includes(page.protocol)) return false
  const target = `${page.protocol}//${host}`
  return URL.canParse(target) && new URL(target).origin === page.origin
}

const firstValue = (header: string | string[] | undefined): string | undefined =>
  (Array.isArray(header) ? header[0] : header)?.split(',', 1)[0]?.trim() || undefined
