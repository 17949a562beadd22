import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import path from 'node:path'
import { javascriptOf, withSteps } from './crash-points.ts'

// For `node --import`: what it is to do is in its own URL, see dieAt in crash-points.ts.

const wish = new URL(import.meta.url).searchParams
const files = new Set(wish.getAll('file'))
const point = wish.get('point')
const list = wish.get('reached')
const reached = new Set<string>()

const pass = (name: string): void => {
  if (name === point) process.kill(process.pid, 'SIGKILL')
  if (list === null || reached.has(name)) return
  reached.add(name)
  appendFileSync(list, `${name}\n`)
}

const STEP = '__step'
Object.assign(globalThis, {
  [STEP]: async <T>(name: string, awaited: T): Promise<Awaited<T>> => {
    try {
      return await awaited
    } finally {
      pass(name)
    }
  },
})

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context)
    if (!files.has(url)) return loaded
    const source = javascriptOf(Buffer.from(loaded.source as Uint8Array).toString('utf8'))
    return {
      format: 'module',
      source: withSteps(path.basename(new URL(url).pathname), source, STEP),
      shortCircuit: true,
    }
  },
})
