import { createServer } from 'node:net'
import { plainError } from './plain-error.ts'

// Below 32768, where Linux begins to take the local ports of outgoing connections: none of those can slip in between the
// look and the use.
const lowest = 15_000
const highest = 32_000

const handedOut = new Set<number>()

/**
 * A port of 127.0.0.1 on which nobody listens.
 * @param preferred taken when it is free; else any other
 */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return handOut(preferred)
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (!handedOut.has(port) && (await isFree(port))) return handOut(port)
  }
  throw plainError(`No port of 127.0.0.1 between ${lowest} and ${highest} is free.`)
}

/** The port that was asked for by name. Throws a plain error when it is taken. */
export async function exactPort(port: number): Promise<number> {
  if (await isFree(port)) return handOut(port)
  throw plainError(`Port ${port} is taken: end what listens there, or choose another port.`)
}

function handOut(port: number): number {
  handedOut.add(port)
  return port
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
