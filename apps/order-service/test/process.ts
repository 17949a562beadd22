import { spawn, type ChildProcess } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { as, testKeyOf, type TestPerson } from '@halles/testkit/people'

const COMPILED = fileURLToPath(new URL('../../../node_modules/.cache/halles-compile', import.meta.url))

/** kafkajs makes node warn once. */
const quiet = ['--disable-warning=TimeoutNegativeWarning']

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

export type Process = {
  child: ChildProcess
  /** Where it listens; undefined when it ended before. */
  listening: Promise<string | undefined>
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** What it logged, a line each. */
  lines: string[]
  /** Ends it at once, if it still runs. */
  kill: () => Promise<void>
}

/** A service as an operator starts it: a process of its own, told by its environment alone. `flags` are node's. */
export function startProcess(
  service: 'order-service' | 'product-service',
  env: Record<string, string>,
  flags: string[] = [],
): Process {
  const main = fileURLToPath(new URL(`../../${service}/src/main.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--conditions=development', ...quiet, ...flags, main], {
    env: { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: COMPILED, PORT: '0', LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const { promise: listening, resolve } = Promise.withResolvers<string | undefined>()
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(line)
    const address = /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]
    if (address) resolve(address)
  })
  const ended = once(child, 'exit').then(([code, signal]) => {
    resolve(undefined)
    return { code, signal }
  })
  return {
    child,
    listening,
    ended,
    lines,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
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
      headers: { 'content-type': 'application/json', ...(await as(person)), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: await answer.json(), headers: answer.headers }
  } catch {
    return undefined // a broken connection: fetch tells it in many ways
  }
}
