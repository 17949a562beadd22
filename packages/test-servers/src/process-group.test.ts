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
import { exactPort, freePort, createProcessGroup } from './index.ts'
import { processStartTime } from './process-identity.ts'

const node = process.execPath
const sleeper = ['--eval', 'setInterval(() => {}, 1000); console.log("ready")']
const ignoresSigterm = ['--eval', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("ready")']

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'halles-group-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Creates a listener for lines and a promise of the first line. */
function expectFirstLine() {
  const { promise, resolve } = Promise.withResolvers<string>()
  return { firstLine: promise, onLine: resolve }
}

test('createProcessGroup().stop stops every process, the newest first', async () => {
  const group = createProcessGroup()
  const exits: string[] = []
  const started = []
  for (const name of ['first', 'second']) {
    const { firstLine, onLine } = expectFirstLine()
    const member = await group.spawn(name, node, sleeper, { onLine })
    void member.exited.finally(() => exits.push(name))
    started.push(member.pid)
    await firstLine
  }
  await group.stop()
  expect(exits).toEqual(['second', 'first'])
  expect(started.map(processStartTime)).toEqual([undefined, undefined])
})

test('GroupProcess.stop kills a process that ignores SIGTERM after the grace period', async () => {
  const progress: string[] = []
  const group = createProcessGroup({ onProgress: (line) => progress.push(line) })
  const { firstLine, onLine } = expectFirstLine()
  const member = await group.spawn('stubborn', node, ignoresSigterm, { onLine })
  await firstLine
  await member.stop(100)
  expect(await member.exited).toEqual({ code: null, signal: 'SIGKILL' })
  expect(progress).toEqual(['stubborn did not exit within 0.1 s and is killed'])
})

test('onExit is called when a process exits by itself, and lastLines has its output', async () => {
  const { promise, resolve } = Promise.withResolvers()
  const log = path.join(folder, 'broken.log')
  const member = await createProcessGroup().spawn('broken', node, ['--eval', 'console.log("alas"); process.exit(3)'], {
    log,
    onExit: resolve,
  })
  expect(await promise).toEqual({ code: 3, signal: null })
  expect(member.lastLines()).toEqual(['alas'])
  expect(await readFile(log, 'utf8')).toBe('alas\n')
})

test('spawn rejects for a command that does not exist', async () => {
  await expect(createProcessGroup().spawn('nothing', path.join(folder, 'nothing'), [])).rejects.toThrow('ENOENT')
})

// A child that starts a grandchild which ignores SIGTERM, and prints both pids when both run.
const family = [
  '--eval',
  `const { spawn } = require('node:child_process')
   const grandchild = spawn(process.execPath, ${JSON.stringify(ignoresSigterm)}, { stdio: ['ignore', 'pipe', 'inherit'] })
   grandchild.stdout.once('data', () => console.log(JSON.stringify([process.pid, grandchild.pid])))`,
]

test('stop kills the children of the process too', async () => {
  const { firstLine, onLine } = expectFirstLine()
  const member = await createProcessGroup().spawn('family', node, family, { onLine })
  const pids = JSON.parse(await firstLine) as number[]
  expect(pids.map(processStartTime)).not.toContain(undefined)
  await member.stop()
  await vi.waitFor(() => expect(pids.map(processStartTime)).toEqual([undefined, undefined]), 60_000)
})

test('the reaper kills children and grandchildren and removes temporary folders when the parent is killed', async () => {
  const temporary = await mkdtemp(path.join(folder, 'left-'))
  const module = fileURLToPath(new URL('./process-group.ts', import.meta.url))
  const script = `
    import { createProcessGroup, removeOnExit } from ${JSON.stringify(module)}
    removeOnExit(${JSON.stringify(temporary)})
    await createProcessGroup().spawn('family', process.execPath, ${JSON.stringify(family)}, { onLine: console.log })`
  const parent = spawnProcess(node, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const { value } = await createInterface({ input: parent.stdout })[Symbol.asyncIterator]().next()
  const pids = JSON.parse(value as string) as number[]
  expect(pids.map(processStartTime)).not.toContain(undefined)

  parent.kill('SIGKILL')
  await vi.waitFor(
    () => {
      expect(pids.map(processStartTime)).toEqual([undefined, undefined])
      expect(existsSync(temporary)).toBe(false)
    },
    { timeout: 60_000, interval: 50 },
  )
})

test('freePort replaces a port that is taken, exactPort rejects it', async () => {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  try {
    expect(await freePort(port)).not.toBe(port)
    await expect(exactPort(port)).rejects.toThrow(
      `Port ${port} is taken: end what listens there, or choose another port.`,
    )
  } finally {
    listener.close()
  }
})
