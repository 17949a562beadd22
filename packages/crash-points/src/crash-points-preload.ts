import { readFileSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'

// A module for `node --import`. Its options are in the query of its own URL, see `instrumentSources` in crash-points.ts.

const options = new URL(import.meta.url).searchParams
const folder = options.get('folder')!
const files = new Map(options.getAll('file').map((url, i) => [url, path.join(folder, `${i}.js`)]))
const point = options.get('point')
const listFile = options.get('list')
const delayedPoint = options.get('slow')
const delay = Number(options.get('ms'))
const lines = new Map<string, string>()

/** Returns the number of write system calls of this process; on other systems than Linux a different value each time. */
function countWrites(): string {
  try {
    return /syscw: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]!
  } catch {
    return `point ${lines.size}`
  }
}

const reach = (name: string): void => {
  if (name === point) process.kill(process.pid, 'SIGKILL')
  if (listFile !== null && !lines.has(name)) lines.set(name, `${countWrites()}\t${name}\n`)
}
if (listFile !== null) process.on('exit', () => writeFileSync(listFile, [...lines.values()].join('')))

Object.assign(globalThis, {
  __crashPoint: async <T>(name: string, awaited: T): Promise<Awaited<T>> => {
    try {
      return await awaited
    } finally {
      reach(name)
      if (name === delayedPoint) await setTimeout(delay)
    }
  },
})

registerHooks({
  load: (url, context, nextLoad) => {
    const copy = files.get(url)
    return copy === undefined
      ? nextLoad(url, context)
      : { format: 'module', source: readFileSync(copy), shortCircuit: true }
  },
})
