import { randomBytes } from 'node:crypto'

/** The URL of a database that no other test uses, on the server that `server` (a mongodb:// URL without a name) is. */
export function ownDatabase(server: string, name = 'test'): string {
  const url = new URL(server)
  url.pathname = `/${name}_${randomBytes(6).toString('hex')}`
  return url.href
}
