import { createServer } from 'node:net'
import { userError } from './user-error.ts'

// Below 32768, where Linux's range of ephemeral ports begins: no outgoing connection can take a port between the check and
// its use.
const lowest = 15_000
const highest = 32_000

const assigned = new Set<number>()

/**
 * Finds a port of 127.0.0.1 on which no process listens.
 * @param preferred is used if it is free
 */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return assign(preferred)
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (!assigned.has(port) && (await isFree(port))) return assign(port)
  }
  throw userError(`No port of 127.0.0.1 between ${lowest} and ${highest} is free.`)
}

/** Returns `port` if it is free. @throws a user error when it is taken */
export async function exactPort(port: number): Promise<number> {
  if (await isFree(port)) return assign(port)
  throw userError(`Port ${port} is taken: end what listens there, or choose another port.`)
}

function assign(port: number): number {
  assigned.add(port)
  return port
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
