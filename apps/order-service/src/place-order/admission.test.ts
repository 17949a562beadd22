import { describe, expect, it } from 'vitest'
import { admitInBatches } from './admission.ts'

/** Tasks that record their start, and end when the test ends them. */
function controlledTasks() {
  const started: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  const task = (name: string) => (): Promise<string> => {
    started.push(name)
    const end = Promise.withResolvers<string>()
    ends.set(name, end)
    return end.promise
  }
  return {
    started,
    task,
    end: (name: string) => ends.get(name)!.resolve(name),
    fail: (name: string) => ends.get(name)!.reject(new Error(name)),
  }
}
const nextImmediate = () => new Promise((resolve) => setImmediate(resolve))

const NEVER = 2 ** 31 - 1

describe('admitInBatches', () => {
  it('starts the waiting tasks together when all tasks in flight have ended', async () => {
    const { started, task, end, fail } = controlledTasks()
    const admit = admitInBatches({ maxWait: NEVER, directLimit: 2 })
    const first = [admit(task('a')), admit(task('b'))]
    await nextImmediate()
    expect(started).toEqual(['a', 'b'])

    const second = [admit(task('c')), admit(task('d'))]
    await nextImmediate()
    end('a')
    expect(await first[0]).toBe('a')
    await nextImmediate()
    expect(started).toEqual(['a', 'b'])

    fail('b')
    await expect(first[1]).rejects.toThrow('b')
    await nextImmediate()
    expect(started).toEqual(['a', 'b', 'c', 'd'])
    end('c')
    end('d')
    expect(await Promise.all(second)).toEqual(['c', 'd'])
  })

  it('starts a task at once while few are in flight, also after others', async () => {
    const { started, task, end } = controlledTasks()
    const admit = admitInBatches({ maxWait: NEVER, directLimit: 2 })
    const first = admit(task('a'))
    for (const name of ['b', 'c']) {
      const done = admit(task(name))
      expect(started.at(-1)).toBe(name)
      end(name)
      await done
      await nextImmediate()
    }
    end('a')
    expect(await first).toBe('a')
  })

  it('starts the next task after one that throws', async () => {
    const admit = admitInBatches({ maxWait: NEVER, directLimit: 1 })
    const thrown = admit(() => {
      throw new Error('at once')
    })
    const next = admit(async () => 'next')
    await expect(thrown).rejects.toThrow('at once')
    expect(await next).toBe('next')
  })

  it('starts the waiting tasks after maxWait, though a slow one is in flight', async () => {
    const { started, task, end } = controlledTasks()
    const admit = admitInBatches({ maxWait: 5, directLimit: 1 })
    const slow = admit(task('slow'))
    await nextImmediate()
    const next = admit(async () => void started.push('next'))
    await next
    expect(started).toEqual(['slow', 'next'])
    end('slow')
    expect(await slow).toBe('slow')
  })

  it('refuses a task at once when maxTasks are in flight or waiting', async () => {
    const { task, end } = controlledTasks()
    const admit = admitInBatches({ maxWait: NEVER, directLimit: 1, maxTasks: 2 })
    const first = admit(task('first'))
    const second = admit(async () => 'second')
    await expect(admit(async () => 'third')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfter: 2 })
    await nextImmediate()
    end('first')
    expect(await Promise.all([first, second])).toEqual(['first', 'second'])
    expect(await admit(async () => 'fourth')).toBe('fourth')
  })
})
