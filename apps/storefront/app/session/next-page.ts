/**
 * The page to show after signing in: the parameter `next`, if it is a path of this shop.
 * @param home the path when there is none
 */
export function nextPage(params: URLSearchParams, home: string): string {
  const next = params.get('next')
  // `//host` and `/\host` would be other sites.
  return next !== null && /^\/(?![/\\])/.test(next) ? next : home
}
