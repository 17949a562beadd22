const SECOND = 1000
const MINUTE = 60 * SECOND

/** How fast something may be tried. Every try adds one; one is forgotten every so often. */
export type Pace = {
  /** So many tries at once wait for nothing. */
  free: number
  /** In milliseconds. */
  forgottenEvery: number
  /** How long each try beyond those makes the next one wait, in milliseconds: at first, then twice as long each time. */
  firstWait: number
  longestWait: number
}

/**
 * What is counted, and how fast it may go. Only tries that were wrong stay counted at sign-in.
 *
 * Someone who knows nothing but an address has 5 tries, then ever longer waits (`pair`). Many of them together, from
 * many places, have 50 and then one a minute at the most (`account`); and that never stands in the way of its owner at a
 * place where they have signed in before, whose tries only count there. `address` is for one place that tries many
 * accounts, `all` for many places that try many.
 */
export const paces = {
  pair: { free: 5, forgottenEvery: 10 * MINUTE, firstWait: SECOND, longestWait: 15 * MINUTE },
  account: { free: 50, forgottenEvery: 10 * MINUTE, firstWait: SECOND, longestWait: MINUTE },
  address: { free: 50, forgottenEvery: MINUTE, firstWait: SECOND, longestWait: 15 * MINUTE },
  all: { free: 1000, forgottenEvery: MINUTE / 1000, firstWait: SECOND, longestWait: 10 * SECOND },
  // An answer to a registration tells whether an address has an account.
  registrations: { free: 20, forgottenEvery: 3 * MINUTE, firstWait: SECOND, longestWait: 15 * MINUTE },
  // Letters that anyone may have written to anyone: so many wanted at one place, and to one address.
  letters: { free: 10, forgottenEvery: 5 * MINUTE, firstWait: SECOND, longestWait: 15 * MINUTE },
  lettersTo: { free: 3, forgottenEvery: 20 * MINUTE, firstWait: 20 * MINUTE, longestWait: 20 * MINUTE },
  allRegistrations: { free: 500, forgottenEvery: MINUTE / 500, firstWait: SECOND, longestWait: 10 * SECOND },
} as const satisfies Record<string, Pace>
export type Counted = keyof typeof paces

/** How long a place where someone has signed in stays known for them, in milliseconds. */
export const KNOWN_FOR = 90 * 24 * 60 * MINUTE

/** A pace at which so many times as much may be tried. */
export const widened = (pace: Pace, scale: number): Pace => ({
  ...pace,
  free: pace.free * scale,
  forgottenEvery: pace.forgottenEvery / scale,
})
