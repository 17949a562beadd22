import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { changesOf, planted, plants, type PlantName } from './plants.ts'

const root = path.resolve(import.meta.dirname, '../../..')

beforeAll(() => {
  execFileSync(process.execPath, [path.join(root, 'tools/run.mjs'), 'tsc', '-b'], { cwd: root, stdio: 'pipe' })
})

it.each(Object.keys(plants) as PlantName[])('%s still finds the text that it changes, exactly once each', (name) => {
  for (const [file, changes] of changesOf([name])) {
    const source = readFileSync(file, 'utf8')
    const changed = planted(source, changes)
    expect(changed).not.toBe(source)
    for (const { instead } of changes) expect(changed).toContain(instead)
  }
})

it('a text that is not there, or twice, cannot be changed', () => {
  const change = { service: 'order', file: 'a.js', text: 'b', instead: 'c' } as const
  expect(planted('a b', [change])).toBe('a c')
  expect(() => planted('a', [change])).toThrow('a.js has 0 times')
  expect(() => planted('b b', [change])).toThrow('a.js has 2 times')
})
