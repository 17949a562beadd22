import { spawn } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { as, testKeyOf, type TestPerson } from './people.ts'

const COMPILED = fileURLToPath(new URL('../../../node_modules/.cache/halles-compile', import.meta.url))

export type Process = ReturnType<typeof startProcess>

/**
 * A service as an operator starts it: a process of its own, told by its environment alone.
 * @param main the file that starts it
 * @param flags node's own
 */
export function startProcess(main: URL, env: Record<string, string>, flags: string[] = []) {
  // kafkajs makes node warn of a negative timeout.
  const ours = ['--conditions=development', '--disable-warning=TimeoutNegativeWarning']
  const child = spawn(process.execPath, [...ours, ...flags, fileURLToPath(main)], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILED, PORT: '0', LOG_LEVEL: 'info', ...env },
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
    /** Where it listens; undefined when it ended before. */
    listening,
    ended,
    /** What it logged, a line each. */
    lines,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    /** Asks it to stop, and answers how it ended and after how many milliseconds. */
    stop: async () => {
      const asked = performance.now()
      child.kill('SIGTERM')
      return { ...(await ended), took: performance.now() - asked }
    },
    /** Ends it at once, if it still runs. */
    kill: async (): Promise<void> => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** The keys of the people in tests, served as auth-service serves its own. */
export async function serveKeys(): Promise<{ url: string; close: () => void }> {
  const key = { ...createPublicKey((await testKeyOf('test-key'))!).export({ format: 'jwk' }), kid: 'test-key' }
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

/** Says something to a service as a person; undefined when the connection broke and nothing was heard. */
export async function say(
  url: string,
  person: TestPerson,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: any; headers: Headers } | undefined> {
  try {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...(await as(person)), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: await answer.json(), headers: answer.headers }
  } catch {
    return undefined // a broken connection: fetch tells it in many ways
  }
}
