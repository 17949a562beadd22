import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'

/** A service whose only route responds after 500 ms. */
const service = `
  import Fastify from 'fastify'
  import { runService } from '@halles/fastify-service/run-service'
  await runService('slow-service', () => ({ HOST: '127.0.0.1', PORT: 0 }), async () => {
    const app = Fastify({ logger: true })
    app.get('/', async () => new Promise((resolve) => setTimeout(resolve, 500, { done: true })))
    return app
  }, process.env)
`

it('runService answers requests in flight on SIGTERM, and a keep-alive connection does not delay the shutdown', async () => {
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
  const listening = Promise.withResolvers<string>()
  const requested = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const address = /listening at (http:[^"]+)/.exec(line)?.[1]
    if (address) listening.resolve(address)
    if (line.includes('incoming request')) requested.resolve()
  })
  // fetch keeps the connection open for the next request.
  const answer = fetch(await listening.promise)
  await requested.promise
  child.kill('SIGTERM')
  expect(await (await answer).json()).toEqual({ done: true })
  expect(await ended).toEqual([0, null])
})
