import { spawn as spawnProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { exactPort, freePort, processGroup } from './index.ts'
import { startOf } from './process-identity.ts'

const node = process.execPath
const sleeper = ['--eval', 'setInterval(() => {}, 1000); console.log("ready")']
const deaf = ['--eval', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("ready")']

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'halles-group-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Resolves when a child has printed its first line. */
function firstLine() {
  const { promise, resolve } = Promise.withResolvers<string>()
  return { heard: promise, onLine: resolve }
}

test('stop ends every process, the newest first', async () => {
  const group = processGroup()
  const ends: string[] = []
  const started = []
  for (const name of ['first', 'second']) {
    const { heard, onLine } = firstLine()
    const member = await group.spawn(name, node, sleeper, { onLine })
    void member.exited.finally(() => ends.push(name))
    started.push(member.pid)
    await heard
  }
  await group.stop()
  expect(ends).toEqual(['second', 'first'])
  expect(started.map(startOf)).toEqual([undefined, undefined])
})

test('a process that does not listen to SIGTERM is killed after the grace', async () => {
  const said: string[] = []
  const group = processGroup({ onProgress: (line) => said.push(line) })
  const { heard, onLine } = firstLine()
  const member = await group.spawn('deaf', node, deaf, { onLine })
  await heard
  await member.stop(100)
  expect(await member.exited).toEqual({ code: null, signal: 'SIGKILL' })
  expect(said).toEqual(['deaf did not end within 0.1 s and is killed'])
})

test('an end that nobody asked for is told, with the last lines', async () => {
  const { promise, resolve } = Promise.withResolvers()
  const log = path.join(folder, 'broken.log')
  const member = await processGroup().spawn('broken', node, ['--eval', 'console.log("alas"); process.exit(3)'], {
    log,
    onExit: resolve,
  })
  expect(await promise).toEqual({ code: 3, signal: null })
  expect(member.lastLines()).toEqual(['alas'])
  expect(await readFile(log, 'utf8')).toBe('alas\n')
})

test('a command that does not exist is an error', async () => {
  await expect(processGroup().spawn('nothing', path.join(folder, 'nothing'), [])).rejects.toThrow('ENOENT')
})

// A child that starts a grandchild which does not listen to SIGTERM, and tells both pids when both run.
const family = [
  '--eval',
  `const { spawn } = require('node:child_process')
   const grandchild = spawn(process.execPath, ${JSON.stringify(deaf)}, { stdio: ['ignore', 'pipe', 'inherit'] })
   grandchild.stdout.once('data', () => console.log(JSON.stringify([process.pid, grandchild.pid])))`,
]

test('what a process leaves behind ends with it', async () => {
  const { heard, onLine } = firstLine()
  const member = await processGroup().spawn('family', node, family, { onLine })
  const pids = JSON.parse(await heard) as number[]
  expect(pids.map(startOf)).not.toContain(undefined)
  await member.stop()
  await vi.waitFor(() => expect(pids.map(startOf)).toEqual([undefined, undefined]), 60_000)
})

test('when the parent is killed, its children, their children and its folders go too', async () => {
  const temporary = await mkdtemp(path.join(folder, 'left-'))
  const module = fileURLToPath(new URL('./process-group.ts', import.meta.url))
  const script = `
    import { processGroup, removeAtTheEnd } from ${JSON.stringify(module)}
    removeAtTheEnd(${JSON.stringify(temporary)})
    await processGroup().spawn('family', process.execPath, ${JSON.stringify(family)}, { onLine: console.log })`
  const parent = spawnProcess(node, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const { value } = await createInterface({ input: parent.stdout })[Symbol.asyncIterator]().next()
  const pids = JSON.parse(value as string) as number[]
  expect(pids.map(startOf)).not.toContain(undefined)

  parent.kill('SIGKILL')
  await vi.waitFor(
    () => {
      expect(pids.map(startOf)).toEqual([undefined, undefined])
      expect(existsSync(temporary)).toBe(false)
    },
    { timeout: 60_000, interval: 50 },
  )
})

test('a port that is taken is replaced, unless it was asked for by name', async () => {
  const squatter = createServer().listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  const { port } = squatter.address() as AddressInfo
  try {
    expect(await freePort(port)).not.toBe(port)
    await expect(exactPort(port)).rejects.toThrow(
      `Port ${port} is taken: end what listens there, or choose another port.`,
    )
  } finally {
    squatter.close()
  }
})
