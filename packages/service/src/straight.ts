/**
 * What two readers of a path may read differently: nothing between two slashes, a backslash, a slash that is encoded, `.` as
 * a step, and two dots at the beginning or the end of one (`..`, `..;a`); dots may be encoded.
 */
const crooked = /\/\/|\\|%5c|%2f|\/(?:\.|%2e)(?:[/;]|$)|\/(?:\.|%2e){2}|(?:\.|%2e){2}\//i

/**
 * Whether an address leads where it says, for whoever reads it: router, proxy and service. None of ours needs any other.
 *
 * @param url as it was sent; its query may say anything
 */
export const isStraight = (url: string): boolean =>
  url.startsWith('/') && !crooked.test(url.slice(0, url.search(/[?#]|$/)))
