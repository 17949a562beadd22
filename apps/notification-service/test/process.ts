import { spawn } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { as, testKeyOf, type TestPerson } from '@halles/testkit/people'
import type { Subscription } from '../src/events.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const compiled = fileURLToPath(new URL('../../../node_modules/.cache/halles-compile', import.meta.url))

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

export type Process = ReturnType<typeof startProcess>

/** Notification-service as a process of its own, told by its environment alone. `flags` are node's. */
export function startProcess(env: Record<string, string>, subscription: Subscription, flags: string[] = []) {
  const child = spawn(
    process.execPath,
    ['--conditions=development', '--disable-warning=TimeoutNegativeWarning', ...flags, main],
    {
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: compiled,
        PORT: '0',
        LOG_LEVEL: 'info',
        SUBSCRIPTION: JSON.stringify(subscription),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const lines: string[] = []
  const { promise: listening, resolve } = Promise.withResolvers<string | undefined>()
  createInterface({ input: child.stdout! }).on('line', (line) => {
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

/** Asks a process as a person; undefined when the connection broke and nothing was heard. */
export async function ask(
  url: string,
  person: TestPerson,
  method: 'GET' | 'POST',
  path: string,
): Promise<{ status: number; body: any } | undefined> {
  try {
    const answer = await fetch(`${url}${path}`, { method, headers: await as(person) })
    return { status: answer.status, body: await answer.json() }
  } catch {
    return undefined // a broken connection: fetch tells it in many ways
  }
}
