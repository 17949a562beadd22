import { overviewFr } from '../overview/fr.ts'

/** The French texts of the staff desk, by area: the source, whose shape every other language must have (see en.ts). */
export const staffFr = {
  nav: 'Navigation de l’équipe',
  toShop: 'Voir la boutique',
  areas: {
    overview: 'Aujourd’hui',
  },
  overview: overviewFr,
}

/** The texts of the staff desk in one language. */
export type StaffMessages = typeof staffFr
