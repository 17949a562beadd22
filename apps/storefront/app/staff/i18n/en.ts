import { deadLettersEn } from '../dead-letters/en.ts'
import { emailsEn } from '../emails/en.ts'
import { ordersEn } from '../orders/en.ts'
import { overviewEn } from '../overview/en.ts'
import { peopleEn } from '../people/en.ts'
import { productsEn } from '../products/en.ts'
import type { StaffMessages } from './fr.ts'

/** The English texts of the staff desk. A missing text is an error of types. */
export const staffEn: StaffMessages = {
  nav: 'Staff navigation',
  toShop: 'See the shop',
  areas: {
    overview: 'Today',
    orders: 'Orders',
    products: 'Products',
    people: 'People',
    emails: 'E-mails',
    deadLetters: 'Dead letters',
  },
  list: {
    pages: 'Pages',
    older: 'Older',
    newest: 'Back to the newest',
    moreThan: (count) => `more than ${count}`,
  },
  overview: overviewEn,
  orders: ordersEn,
  products: productsEn,
  people: peopleEn,
  emails: emailsEn,
  deadLetters: deadLettersEn,
}
