import type { Language } from './language.ts'

const locales = { fr: 'fr-FR', en: 'en-GB' } as const satisfies Record<Language, string>

const createFormats = (language: Language) => {
  const locale = locales[language]
  const money = new Intl.NumberFormat(locale, { style: 'currency', currency: 'EUR' })
  const number = new Intl.NumberFormat(locale)
  // The server renders in one zone and the browser hydrates in its own: pages say all times in the shop's zone.
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'Europe/Paris' })
  const dateTime = new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'Europe/Paris',
  })
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', timeZone: 'UTC' })
  return {
    /** @param day a day without a time, such as 2026-11-24 */
    weekday: (day: string): string => weekday.format(new Date(day)),
    /** @param euros an amount in euros */
    money: (euros: number): string => money.format(euros),
    number: (value: number): string => number.format(value),
    /** @param iso a timestamp in ISO 8601 */
    date: (iso: string): string => date.format(new Date(iso)),
    /** @param iso a timestamp in ISO 8601 */
    dateTime: (iso: string): string => dateTime.format(new Date(iso)),
  }
}

/** Formats of amounts, numbers and times, by language. */
export const formats = { fr: createFormats('fr'), en: createFormats('en') } satisfies Record<Language, unknown>
export type Formats = (typeof formats)[Language]
