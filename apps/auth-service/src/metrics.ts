import type { Metrics } from '@halles/service/metrics'
import { Counter, Gauge } from 'prom-client'
import type { Counted } from './pace.ts'

export type SignInMetrics = ReturnType<typeof signInMetrics>

/** auth-service's own metrics: what became of sign-ins and refreshes, and how passwords queue. */
export function signInMetrics({ registry }: Metrics) {
  const registers = [registry]
  const signIns = new Counter({
    name: 'auth_sign_ins_total',
    help: 'Sign-ins by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  const refreshes = new Counter({
    name: 'auth_refreshes_total',
    help: 'Refreshes by outcome; reused means that a session was ended because a spent token came back.',
    labelNames: ['outcome'],
    registers,
  })
  const turnedAway = new Counter({
    name: 'auth_hashing_turned_away_total',
    help: 'Passwords that were not hashed because too many waited.',
    registers,
  })
  const throttled = new Counter({
    name: 'auth_throttled_total',
    help: 'Tries to sign in or register that came too fast, by what they were too many for.',
    labelNames: ['counted'],
    registers,
  })
  return {
    throttled: (counted: Counted): void => throttled.inc({ counted }),
    signIn: (outcome: 'registered' | 'accepted' | 'refused'): void => signIns.inc({ outcome }),
    refresh: (outcome: 'rotated' | 'repeated' | 'reused' | 'refused'): void => refreshes.inc({ outcome }),
    turnedAway: (): void => turnedAway.inc(),
    /** Shows how many passwords wait to be hashed, whenever metrics are asked for. */
    watch: (waiting: () => number): void =>
      void new Gauge({
        name: 'auth_hashing_waiting',
        help: 'Passwords that wait to be hashed.',
        registers,
        collect() {
          this.set(waiting())
        },
      }),
  }
}
