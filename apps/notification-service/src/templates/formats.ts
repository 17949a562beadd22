/** The number and date formats of a region, with times of Paris. */
const createFormats = (region: string) => ({
  euros: new Intl.NumberFormat(region, { style: 'currency', currency: 'EUR' }),
  date: new Intl.DateTimeFormat(region, { dateStyle: 'long', timeZone: 'Europe/Paris' }),
  dateTime: new Intl.DateTimeFormat(region, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Europe/Paris' }),
})

/** The formats of amounts and dates, by the recipient's locale. */
export const formats = { fr: createFormats('fr-FR'), en: createFormats('en-IE') }
