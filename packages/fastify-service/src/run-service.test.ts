import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { eventually } from '@halles/test-fixtures/wait'
import { expect, it, onTestFinished } from 'vitest'

/** A service: / responds after 500 ms, /large with more than the buffers of a connection hold, and POST / reads its body. */
const service = `
  import { runService } from '@halles/fastify-service/run-service'
  import { createServiceApp } from '@halles/fastify-service/app'
  import { createRevocationClient } from '@halles/auth/revocations'
  const settings = { HOST: '127.0.0.1', PORT: 0, OPERATOR_HOST: '127.0.0.1', OPERATOR_PORT: 0 }
  await runService('slow-service', () => settings, async () => {
    const app = await createServiceApp({
      name: 'slow-service',
      logLevel: 'info',
      readinessChecks: {},
      operatorPort: 'own',
      findPublicKey: async () => undefined,
      revocations: createRevocationClient('http://127.0.0.1:1/jwks.json'),
      issuer: 'test',
      audience: 'test',
    })
    app.get('/', async (request) => {
      request.log.info('request begun')
      return new Promise((resolve) => setTimeout(resolve, 500, { done: true }))
    })
    app.get('/large', async () => 'x'.repeat(64_000_000))
    app.post('/', async () => ({ done: true }))
    app.operatorApp.post('/', async () => ({ done: true }))
    return app
  }, process.env)
`

/** Starts the service as a process. `urls` are those of the operator port and of the service. */
async function startService() {
  const child = spawn(process.execPath, ['--conditions=development', '--input-type=module', '--eval', service], {
    cwd: new URL('.', import.meta.url),
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const urls = await eventually('both ports are open', () => {
    const found = lines.flatMap((line) => /listening at http:\/\/([^"]+)/.exec(line)?.[1] ?? [])
    return found.length === 2 && found
  })
  const [operatorUrl, url] = urls as [string, string]
  return { child, ended, lines, operatorUrl, url }
}

/** Opens a connection that sends `start`, and then a byte every 100 ms until it is closed. Returns what it received. */
function drip(url: string, start: string) {
  const received: string[] = []
  const socket = connect({ host: '127.0.0.1', port: Number(url.split(':')[1]) })
  socket.on('data', (data) => received.push(data.toString())).on('error', () => {})
  socket.write(start)
  const timer = setInterval(() => socket.write('x'), 100)
  socket.once('close', () => clearInterval(timer))
  onTestFinished(() => void socket.destroy())
  return { socket, received, connected: once(socket, 'connect') }
}

it('runService answers requests in flight on SIGTERM, and a keep-alive connection does not delay the shutdown', async () => {
  const { child, ended, lines, url } = await startService()
  // fetch keeps the connection open for the next request.
  const answer = fetch(`http://${url}`)
  await eventually('the request has begun', () => lines.some((line) => line.includes('request begun')))
  child.kill('SIGTERM')
  expect(await (await answer).json()).toEqual({ done: true })
  expect(await ended).toEqual([0, null])
})

it('runService ends within 10 s while clients send requests slowly, read nothing, and keep connections open', async () => {
  const { child, ended, lines, operatorUrl, url } = await startService()
  const post = (host: string) =>
    `POST / HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{`
  const bodies = [drip(url, post(url)), drip(url, post(url)), drip(operatorUrl, post(operatorUrl))]
  const headers = drip(url, 'GET / HTTP/1.1\r\nhost: x\r\nx-slow: ')
  const reader = connect({ host: '127.0.0.1', port: Number(url.split(':')[1]) })
  reader.on('error', () => {}).write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n')
  onTestFinished(() => void reader.destroy())
  await once(reader, 'readable') // the response has begun; nothing is read of it
  await Promise.all([...bodies, headers].map(({ connected }) => connected))
  await (await fetch(`http://${url}/healthz`)).text() // leaves an idle connection

  const startedAt = performance.now()
  child.kill('SIGTERM')
  expect(await ended, lines.slice(-5).join('\n')).toEqual([0, null])
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  for (const { received } of [bodies[0]!, bodies[1]!, headers]) {
    expect(received.join('')).toMatch(/^HTTP\/1\.1 408 /)
    expect(received.join('')).toContain('"code":"TIMEOUT"')
  }
}, 60_000)
