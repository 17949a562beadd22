import type { overviewFr } from './fr.ts'

export const overviewEn: typeof overviewFr = {
  title: 'Today',
}
