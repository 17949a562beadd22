import { v7 } from 'uuid'
import { describe, expect, it } from 'vitest'
import { firstIdAt, newId } from './ids.ts'

describe('firstIdAt', () => {
  it.each([0, 1, Date.parse('2026-11-24T12:00:00.123Z'), 2 ** 48 - 2])(
    'separates ids before %i ms from later ones',
    (ms) => {
      const first = firstIdAt(ms)
      const none = new Uint8Array(16)
      const all = new Uint8Array(16).fill(255)
      expect(v7({ msecs: ms, seq: 0, random: none }) > first).toBe(true)
      expect(v7({ msecs: ms, seq: 2 ** 32 - 1, random: all }) < firstIdAt(ms + 1)).toBe(true)
    },
  )

  it('is below an id that is created now, and above one when the next second has begun', () => {
    const before = firstIdAt(Date.now())
    const id = newId()
    expect(id > before).toBe(true)
    expect(id < firstIdAt(Date.now() + 1000)).toBe(true)
  })

  it('takes the nearest time that an id can have', () => {
    expect(firstIdAt(-1)).toBe(firstIdAt(0))
    expect(firstIdAt(2 ** 48)).toBe(firstIdAt(2 ** 48 - 1))
  })
})
