/**
 * The names of the cookie that keeps a browser's refresh token: over TLS with the prefix `__Secure-` (RFC 6265bis, 4.1.3.1), so
 * that no page without TLS can set it. Browsers may reject that prefix at http://127.0.0.1, where the name has none.
 */
export const refreshCookieNames = { tls: '__Secure-halles_refresh', plain: 'halles_refresh' } as const
