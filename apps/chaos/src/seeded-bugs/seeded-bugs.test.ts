import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'
import { rules } from '@halles/reconciliation'
import { beforeAll, describe, expect, it } from 'vitest'
import { invariants } from '../invariants/find-violations.ts'
import { findMutations, mutate, seededBugs, type SeededBugName } from './seeded-bugs.ts'

const root = path.resolve(import.meta.dirname, '../../../..')
const names = Object.keys(seededBugs) as SeededBugName[]

beforeAll(() => {
  execFileSync(process.execPath, [path.join(root, 'tools/run.mjs'), 'tsc', '-b'], { cwd: root, stdio: 'pipe' })
})

describe('seeded bugs', () => {
  it.each(names)('%s matches the compiled code exactly once', (name) => {
    const byFile = findMutations([name])
    expect([...byFile.values()].flat()).toHaveLength(seededBugs[name].mutations.length)
    for (const [file, mutations] of byFile) {
      const source = readFileSync(file, 'utf8')
      for (const mutation of mutations) expect(mutate(source, [mutation])).not.toBe(source)
      expect(() => stripTypeScriptTypes(mutate(source, mutations)), 'the mutated code parses').not.toThrow()
    }
  })

  it.each(names)('%s names rules that exist', (name) => {
    const known = [...rules.map((rule) => rule.name), ...invariants.map(({ rule }) => rule)]
    expect(known).toEqual(expect.arrayContaining([...seededBugs[name].rules]))
  })

  it('reject a source in which the pattern matches never or twice', () => {
    const mutation = { service: 'order', pattern: /b(\d)/, replacement: 'c$1' } as const
    expect(mutate('a b1', [mutation])).toBe('a c1')
    expect(() => mutate('a', [mutation])).toThrow('matches 0 times')
    expect(() => mutate('b1 b2', [mutation])).toThrow('matches 2 times')
  })
})
