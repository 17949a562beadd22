import { overviewEn } from '../overview/en.ts'
import type { StaffMessages } from './fr.ts'

/** The English texts of the staff desk. A missing text is an error of types. */
export const staffEn: StaffMessages = {
  nav: 'Staff navigation',
  toShop: 'See the shop',
  areas: {
    overview: 'Today',
  },
  overview: overviewEn,
}
