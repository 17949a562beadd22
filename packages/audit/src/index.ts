export type {
  Books,
  DeadLetter,
  Event,
  Letter,
  Misfit,
  Movement,
  Order,
  Poison,
  Product,
  Reservation,
} from './books.ts'
export { readBooks, type Addresses } from './read-books.ts'
export { differencesIn, rules, type AsOf, type Difference } from './differences.ts'
export { noticesIn } from './notices.ts'
