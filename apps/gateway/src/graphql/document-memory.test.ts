import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePort } from '@halles/test-fixtures/port'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startFakeServices, type FakeServices } from '../../test/fake-services.ts'

let fakeServices: FakeServices
beforeAll(async () => {
  fakeServices = await startFakeServices()
})
afterAll(() => fakeServices.close())

const mainFile = fileURLToPath(new URL('../main.ts', import.meta.url))

/** Starts a gateway in a process of its own, whose memory can be read. */
async function startGatewayProcess(flags: string[]) {
  const [port, operatorPort] = [await freePort(), await freePort()]
  const child = spawn(process.execPath, [...flags, '--conditions=development', mainFile], {
    env: {
      PATH: process.env['PATH'],
      PORT: String(port),
      OPERATOR_PORT: String(operatorPort),
      LOG_LEVEL: 'silent',
      RATE_LIMIT: '0',
      JWKS_URL: `${fakeServices.urls.auth}/.well-known/jwks.json`,
      AUTH_URL: fakeServices.urls.auth,
      PRODUCT_URL: fakeServices.urls.product,
      ORDER_URL: fakeServices.urls.order,
      NOTIFICATION_URL: fakeServices.urls.notification,
    },
    stdio: 'ignore',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const operator = `http://127.0.0.1:${operatorPort}`
  await eventually('the gateway is ready', async () => {
    const response = await fetch(`${operator}/readyz`).catch(() => undefined) // it does not listen yet
    await response?.body?.cancel()
    return response?.ok
  })
  return {
    send: async (query: string): Promise<{ code: string | undefined }> => {
      const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      })
      const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] }
      return { code: errors?.[0]?.extensions.code }
    },
    /** The resident set size, in megabytes. */
    readMemory: async (): Promise<number> => {
      const text = await (await fetch(`${operator}/metrics`)).text()
      return Number(/^process_resident_memory_bytes\S* (\S+)$/m.exec(text)![1]) / 1e6
    },
  }
}

/**
 * Sends different documents to a new gateway, eight at a time, and returns by how many megabytes its memory grew.
 *
 * @param expected the error code of every response; undefined for none
 * @param options.flags of Node
 */
async function measureGrowth(
  create: (n: number) => string,
  expected: string | undefined,
  { count = 1200, flags = [] }: { count?: number; flags?: string[] } = {},
): Promise<number> {
  const { send, readMemory } = await startGatewayProcess(flags)
  const sendAll = async (texts: Iterable<string>, code: string | undefined): Promise<void> => {
    for (const text of texts) expect((await send(text)).code).toBe(code)
  }
  const sendConcurrently = async (texts: string[], code: string | undefined): Promise<void> => {
    const queue = texts.values()
    await Promise.all(Array.from({ length: 8 }, () => sendAll(queue, code)))
  }
  // Any requests, before the first measurement: they open connections, compile code and fill the young generation.
  await sendConcurrently(Array<string>(1000).fill('{ products { totalCount } }'), undefined)
  const before = await readMemory()
  await sendConcurrently(
    Array.from({ length: count }, (_, n) => create(n)),
    expected,
  )
  return (await readMemory()) - before
}

const repeat = (count: number, create: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => create(n)).join(' ')

describe('a gateway that gets many different documents', () => {
  it('grows by less than 60 MB when 1,200 have 1,900 root fields each and are refused', async () => {
    const create = (n: number) => `{ ${repeat(1900, () => 'a')} } # ${n}`
    // The young generation has its full size from the beginning: its growth is not that of the documents.
    const flags = ['--min-semi-space-size=16']
    expect(await measureGrowth(create, 'QUERY_TOO_COMPLEX', { flags })).toBeLessThan(60)
  })

  // Discarded documents may stay in memory until V8 collects them, but not longer.
  it.each<[string, (n: number) => string, string | undefined]>([
    ['2,100 tokens', (n) => `{ products(x: [${repeat(2100, () => '1')}]) { totalCount } } # ${n}`, 'QUERY_TOO_COMPLEX'],
    ['400 unknown fields', (n) => `{ me { ${repeat(400, (i) => `x${n}y${i}`)} } }`, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a syntax error after 1,900 values',
      (n) => `{ products(x: [${repeat(1900, () => '1')}}) # ${n}`,
      'GRAPHQL_PARSE_FAILED',
    ],
    [
      '1,800 values of an unknown argument',
      (n) => `{ products(x: [${repeat(1800, () => '1')}]) { totalCount } } # ${n}`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['30,000 comments', (n) => `{ products { totalCount } } # ${n}\n${'#\n'.repeat(30_000)}`, 'GRAPHQL_PARSE_FAILED'],
    [
      '445 fields, 45 with an alias, and is valid',
      (n) => `{ products { ${repeat(45, (i) => `a${n}x${i}: totalCount`)} ${repeat(400, () => 'totalCount')} } }`,
      undefined,
    ],
  ])('answers 400 within a heap of 160 MB when each has %s', async (_what, create, expected) => {
    expect(await measureGrowth(create, expected, { count: 400, flags: ['--max-old-space-size=160'] })).toBeLessThan(160)
  })
})
