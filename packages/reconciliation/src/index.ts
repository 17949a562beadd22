export type {
  Snapshot,
  DeadLetter,
  Event,
  Email,
  InvalidDocument,
  Movement,
  Order,
  UnparsableMessage,
  Product,
  Reservation,
} from './snapshot.ts'
export { readSnapshot, type Addresses } from './read-snapshot.ts'
export { findDifferences, rules, type AsOf, type Difference } from './differences.ts'
export { listNotices } from './notices.ts'
