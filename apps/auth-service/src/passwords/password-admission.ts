import { createFairSlots, type FairSlots, type FairSlotsOptions } from './fair-slots.ts'

/**
 * How many requests with a password are in progress at once, from their first query to their last. Enough to keep the hasher
 * busy while others wait for the database; beyond that they would only wait there, where networks take no turns.
 */
const SLOTS = { total: 16, perNetwork: 12 } as const
/** Two to four seconds of work of two cores. */
export const QUEUE_LIMITS = { perNetwork: 256, total: 1024 } as const
/** How long a request waits for its turn, in milliseconds. */
export const MAX_WAIT = 4000

/** Admits requests that register, sign in, or prove an identity by a password, each in its turn. */
export const createPasswordAdmission = (onRejected: FairSlotsOptions['onRejected']): FairSlots =>
  createFairSlots({ slots: SLOTS, limits: QUEUE_LIMITS, maxWait: MAX_WAIT, onRejected })
