import { readFileSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'

// For `node --import`: what it is to do is in its own URL, see `instrumented` in crash-points.ts.

const wish = new URL(import.meta.url).searchParams
const folder = wish.get('folder')!
const files = new Map(wish.getAll('file').map((url, i) => [url, path.join(folder, `${i}.js`)]))
const point = wish.get('point')
const list = wish.get('list')
const slow = wish.get('slow')
const ms = Number(wish.get('ms'))
const lines = new Map<string, string>()

/** How often this process has written to anyone; where Linux does not tell, every moment is one of its own. */
function written(): string {
  try {
    return /syscw: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]!
  } catch {
    return `moment ${lines.size}`
  }
}

const pass = (name: string): void => {
  if (name === point) process.kill(process.pid, 'SIGKILL')
  if (list !== null && !lines.has(name)) lines.set(name, `${written()}\t${name}\n`)
}
if (list !== null) process.on('exit', () => writeFileSync(list, [...lines.values()].join('')))

Object.assign(globalThis, {
  __crashPoint: async <T>(name: string, awaited: T): Promise<Awaited<T>> => {
    try {
      return await awaited
    } finally {
      pass(name)
      if (name === slow) await setTimeout(ms)
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
