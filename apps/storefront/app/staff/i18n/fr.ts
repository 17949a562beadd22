import { deadLettersFr } from '../dead-letters/fr.ts'
import { emailsFr } from '../emails/fr.ts'
import { ordersFr } from '../orders/fr.ts'
import { overviewFr } from '../overview/fr.ts'
import { peopleFr } from '../people/fr.ts'
import { productsFr } from '../products/fr.ts'

/** The French texts of the staff desk, by area: the source, whose shape every other language must have (see en.ts). */
export const staffFr = {
  nav: 'Navigation de l’équipe',
  toShop: 'Voir la boutique',
  areas: {
    overview: 'Aujourd’hui',
    orders: 'Commandes',
    products: 'Produits',
    people: 'Personnes',
    emails: 'E-mails',
    deadLetters: 'Messages rejetés',
  },
  list: {
    pages: 'Pages',
    older: 'Plus anciens',
    newest: 'Revenir au début',
    moreThan: (count: string) => `plus de ${count}`,
  },
  overview: overviewFr,
  orders: ordersFr,
  products: productsFr,
  people: peopleFr,
  emails: emailsFr,
  deadLetters: deadLettersFr,
}

/** The texts of the staff desk in one language. */
export type StaffMessages = typeof staffFr
