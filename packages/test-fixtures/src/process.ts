import { spawn } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { authorizationHeader, findTestPublicKey, type TestPrincipal } from './principals.ts'

const COMPILE_CACHE = fileURLToPath(new URL('../../../node_modules/.cache/halles-compile', import.meta.url))

export type Process = ReturnType<typeof startProcess>

/**
 * Starts a service as a process, with `env` and PATH as its only environment.
 *
 * @param main the entry file
 * @param flags flags of node
 */
export function startProcess(main: URL, env: Record<string, string>, flags: string[] = []) {
  // kafkajs causes a warning of node about a negative timeout.
  const defaultFlags = ['--conditions=development', '--disable-warning=TimeoutNegativeWarning']
  const child = spawn(process.execPath, [...defaultFlags, ...flags, fileURLToPath(main)], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE, PORT: '0', LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const { promise: listening, resolve } = Promise.withResolvers<string | undefined>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    const address = /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]
    if (address) resolve(address)
  })
  const ended = once(child, 'exit').then(([code, signal]) => {
    resolve(undefined)
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }
  })
  return {
    child,
    /** Resolves with its URL; undefined when it has exited before listening. */
    listening,
    ended,
    /** Its log lines. */
    lines,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    /** Sends SIGTERM; resolves with exit code, signal and duration in milliseconds. */
    stop: async () => {
      const began = performance.now()
      child.kill('SIGTERM')
      return { ...(await ended), took: performance.now() - began }
    },
    /** Sends SIGKILL, and waits for the exit. */
    kill: async (): Promise<void> => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Serves the public key of the tokens that tests sign, as a JWKS like that of auth-service. */
export async function serveJwks(): Promise<{ url: string; close: () => void }> {
  const key = { ...createPublicKey((await findTestPublicKey('test-key'))!).export({ format: 'jwk' }), kid: 'test-key' }
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [key] })),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Sends a request with an access token of the principal. Returns undefined when the connection broke. */
export async function sendRequest(
  url: string,
  principal: TestPrincipal,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: any; headers: Headers } | undefined> {
  try {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(await authorizationHeader(principal)),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json(), headers: response.headers }
  } catch {
    return undefined // a broken connection, for which fetch throws various errors
  }
}
