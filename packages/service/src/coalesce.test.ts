import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { coalesce } from './coalesce.ts'
import { inTrace, traceFrom, traceId } from './trace.ts'

/** A run whose batches are kept and end when told. */
function gated() {
  const batches: number[][] = []
  const ends: (() => void)[] = []
  const run = async (items: number[]) => {
    batches.push(items)
    await new Promise<void>((resolve) => ends.push(resolve))
    return items.map((n) => (n < 0 ? new Error(`${n}`) : n * 10))
  }
  return { batches, run, end: () => ends.shift()?.() }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('coalesce', () => {
  it('sends a lone item at once, and what waits meanwhile together', async () => {
    const { batches, run, end } = gated()
    const ask = coalesce(run)
    const first = ask(1)
    await turn()
    const rest = [ask(2), ask(3), ask(4)]
    await turn()
    expect(batches).toEqual([[1]])
    end()
    expect(await first).toBe(10)
    await turn()
    end()
    expect(await Promise.all(rest)).toEqual([20, 30, 40])
    expect(batches).toEqual([[1], [2, 3, 4]])
  })

  it('keeps to its lanes and its largest batch', async () => {
    const { batches, run, end } = gated()
    const ask = coalesce(run, { lanes: 2, max: 2 })
    const all = Promise.all([1, 2, 3, 4, 5].map(ask))
    await turn()
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ])
    end()
    await turn()
    expect(batches.at(-1)).toEqual([5])
    end()
    end()
    expect(await all).toEqual([10, 20, 30, 40, 50])
  })

  it('fails one item alone, and never its neighbours', async () => {
    const { run, end } = gated()
    const ask = coalesce(run)
    const settled = Promise.allSettled([ask(1), ask(-2), ask(3)])
    await turn()
    end()
    expect(await settled).toMatchObject([
      { status: 'fulfilled', value: 10 },
      { status: 'rejected', reason: new Error('-2') },
      { status: 'fulfilled', value: 30 },
    ])
  })

  it('fails a batch whose run fails, and goes on', async () => {
    let fail = true
    const ask = coalesce(async (items: number[]) => {
      if (fail) throw new Error('away')
      return items
    })
    await expect(Promise.all([ask(1), ask(2)])).rejects.toThrow('away')
    fail = false
    expect(await ask(3)).toBe(3)
  })

  it('runs a batch in the trace of its first item, not in that of the batch before', async () => {
    const traces: (string | undefined)[] = []
    const ask = coalesce(async (items: string[]) => {
      traces.push(traceId())
      await turn()
      return items
    })
    const id = (digit: string) => digit.repeat(32)
    const from = (digit: string) =>
      inTrace(traceFrom({ traceparent: `00-${id(digit)}-${digit.repeat(16)}-01` }), () => ask(digit))
    const first = from('a')
    await turn()
    await Promise.all([first, from('b'), from('c')])
    expect(traces).toEqual([id('a'), id('b')])
  })

  it('leaves out what nobody waits for any more, and tells the others how long they have', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const deadlines: number[] = []
    const { batches, run, end } = gated()
    const ask = coalesce(
      (items: number[], deadline) => {
        deadlines.push(deadline)
        return run(items)
      },
      { within: 40 },
    )
    const first = ask(1)
    await turn()
    const began = Date.now()
    const second = ask(2)
    const settled = Promise.allSettled([first, second])
    vi.advanceTimersByTime(40)
    const late = await settled
    expect(late.map((each) => each.status === 'rejected' && each.reason.code)).toEqual(['TIMEOUT', 'TIMEOUT'])
    const third = ask(3)
    end()
    await turn()
    end()
    expect(await third).toBe(30)
    expect(batches).toEqual([[1], [3]])
    expect(deadlines[1]).toBe(began + 80)
  })
})
