import { TZDate } from '@date-fns/tz'

export type ShopDays = ReturnType<typeof createShopDays>

/**
 * Creates the calendar of the shop, whose days begin at midnight in a time zone, also where summer time makes one last 23 or
 * 25 hours. Days are ISO 8601 dates, such as `2026-11-24`.
 *
 * @param timeZone IANA name
 */
export function createShopDays(timeZone: string) {
  return {
    timeZone,
    /** When a day begins; with `later`, the day that so many days later begins. */
    startOf: (day: string, later = 0): Date => {
      const [year, month, date] = day.split('-').map(Number) as [number, number, number]
      return new Date(+new TZDate(year, month - 1, date + later, timeZone))
    },
    /** The day of a moment; with `earlier`, the day that so many days earlier. */
    dayAt: (at: Date, earlier = 0): string => {
      const zoned = new TZDate(at, timeZone)
      return new Date(Date.UTC(zoned.getFullYear(), zoned.getMonth(), zoned.getDate() - earlier))
        .toISOString()
        .slice(0, 10)
    },
  }
}
