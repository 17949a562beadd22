/**
 * What the router, a proxy and a service may normalize differently (RFC 3986, 6.2.2): an empty segment, a backslash, an encoded
 * slash, a dot segment (`.`, `..`, `..;a`), and two dots at the start or end of a segment; dots may be encoded.
 */
const ambiguous = /\/\/|\\|%5c|%2f|\/(?:\.|%2e)(?:[/;]|$)|\/(?:\.|%2e){2}|(?:\.|%2e){2}\//i

/**
 * Whether the path of a request target is normalized, so that it cannot pass a check under one path and reach another. No route
 * of ours needs any other path.
 *
 * @param url the request target as received; its query is not checked
 */
export const isNormalizedPath = (url: string): boolean =>
  url.startsWith('/') && !ambiguous.test(url.slice(0, url.search(/[?#]|$/)))
