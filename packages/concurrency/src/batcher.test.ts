import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createBatcher } from './batcher.ts'
import { runInTrace, extractTrace, traceId } from '@halles/telemetry/trace'

/** A batch function that records its batches; each ends when `end` is called. */
function createManualRun() {
  const batches: number[][] = []
  const ends: (() => void)[] = []
  const run = async (items: number[]) => {
    batches.push(items)
    await new Promise<void>((resolve) => ends.push(resolve))
    return items.map((n) => (n < 0 ? new Error(`${n}`) : n * 10))
  }
  return { batches, run, end: () => ends.shift()?.() }
}
const nextTick = () => new Promise((resolve) => setImmediate(resolve))

describe('createBatcher', () => {
  it('runs a single item at once, and the items that arrive meanwhile as one batch', async () => {
    const { batches, run, end } = createManualRun()
    const call = createBatcher(run)
    const first = call(1)
    await nextTick()
    const queued = [call(2), call(3), call(4)]
    await nextTick()
    expect(batches).toEqual([[1]])
    end()
    expect(await first).toBe(10)
    await nextTick()
    end()
    expect(await Promise.all(queued)).toEqual([20, 30, 40])
    expect(batches).toEqual([[1], [2, 3, 4]])
  })

  it('respects concurrency and maxSize', async () => {
    const { batches, run, end } = createManualRun()
    const call = createBatcher(run, { concurrency: 2, maxSize: 2 })
    const all = Promise.all([1, 2, 3, 4, 5].map((n) => call(n)))
    await nextTick()
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ])
    end()
    await nextTick()
    expect(batches.at(-1)).toEqual([5])
    end()
    end()
    expect(await all).toEqual([10, 20, 30, 40, 50])
  })

  it('rejects a single item whose result is an Error, and resolves the others of its batch', async () => {
    const { run, end } = createManualRun()
    const call = createBatcher(run)
    const settled = Promise.allSettled([call(1), call(-2), call(3)])
    await nextTick()
    end()
    expect(await settled).toMatchObject([
      { status: 'fulfilled', value: 10 },
      { status: 'rejected', reason: new Error('-2') },
      { status: 'fulfilled', value: 30 },
    ])
  })

  it('rejects a whole batch whose run fails, and runs the next one', async () => {
    let fail = true
    const call = createBatcher(async (items: number[]) => {
      if (fail) throw new Error('unavailable')
      return items
    })
    await expect(Promise.all([call(1), call(2)])).rejects.toThrow('unavailable')
    fail = false
    expect(await call(3)).toBe(3)
  })

  it('runs a batch in the trace of its first item, not in that of the previous batch', async () => {
    const traces: (string | undefined)[] = []
    const call = createBatcher(async (items: string[]) => {
      traces.push(traceId())
      await nextTick()
      return items
    })
    const id = (digit: string) => digit.repeat(32)
    const from = (digit: string) =>
      runInTrace(extractTrace({ traceparent: `00-${id(digit)}-${digit.repeat(16)}-01` }), () => call(digit))
    const first = from('a')
    await nextTick()
    await Promise.all([first, from('b'), from('c')])
    expect(traces).toEqual([id('a'), id('b')])
  })

  it('removes timed-out items from the queue, and passes the deadline of the others to run', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const deadlines: number[] = []
    const { batches, run, end } = createManualRun()
    const call = createBatcher(
      (items: number[], deadline) => {
        deadlines.push(deadline)
        return run(items)
      },
      { timeout: 40 },
    )
    const first = call(1)
    await nextTick()
    const began = Date.now()
    const second = call(2)
    const settled = Promise.allSettled([first, second])
    vi.advanceTimersByTime(40)
    const outcomes = await settled
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual([
      'TIMEOUT',
      'TIMEOUT',
    ])
    const third = call(3)
    end()
    await nextTick()
    end()
    expect(await third).toBe(30)
    expect(batches).toEqual([[1], [3]])
    expect(deadlines[1]).toBe(began + 80)
  })

  it('takes the earlier of its timeout and the deadline of a call, and runs no item whose deadline has passed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const { batches, run, end } = createManualRun()
    const call = createBatcher(run, { timeout: 40 })
    const started = Date.now()
    await expect(call(0, { deadline: started })).rejects.toMatchObject({ code: 'TIMEOUT' })
    const first = call(1)
    await nextTick()
    const queued = Promise.allSettled([
      call(2, { deadline: started + 10 }),
      call(3, { deadline: started + 20 }),
      call(4, { deadline: started + 99 }),
    ])
    vi.advanceTimersByTime(10)
    vi.setSystemTime(started + 20) // the timer of the third is late: the event loop was busy
    end()
    expect(await first).toBe(10)
    await nextTick()
    end()
    expect((await queued).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
    expect(batches).toEqual([[1], [4]])
  })
})
