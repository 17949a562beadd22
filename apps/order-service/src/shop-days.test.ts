import { describe, expect, it } from 'vitest'
import { createShopDays } from './shop-days.ts'

const { startOf, dayAt } = createShopDays('Europe/Paris')

describe('the days of the shop', () => {
  it.each([
    ['2026-01-01', '2025-12-31T23:00:00.000Z', 24],
    ['2026-03-29', '2026-03-28T23:00:00.000Z', 23],
    ['2026-07-14', '2026-07-13T22:00:00.000Z', 24],
    ['2026-10-25', '2026-10-24T22:00:00.000Z', 25],
  ])('begin at midnight in its time zone: %s at %s, for %i hours', (day, start, hours) => {
    expect(startOf(day).toISOString()).toBe(start)
    expect(+startOf(day, 1) - +startOf(day)).toBe(hours * 3600_000)
  })

  it.each(['2026-02-28', '2026-03-29', '2026-10-25', '2026-12-31'])(
    'hold the moments from the start of %s on',
    (day) => {
      expect(dayAt(startOf(day))).toBe(day)
      expect(dayAt(new Date(+startOf(day, 1) - 1))).toBe(day)
      expect(dayAt(startOf(day, 1), 1)).toBe(day)
    },
  )

  it('begin after the hour that is skipped where summer time begins at midnight', () => {
    const beirut = createShopDays('Asia/Beirut')
    expect(beirut.startOf('2026-03-29').toISOString()).toBe('2026-03-28T22:00:00.000Z')
    expect(beirut.dayAt(beirut.startOf('2026-03-29'))).toBe('2026-03-29')
  })
})
