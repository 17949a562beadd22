import type { Metrics } from '@halles/telemetry/metrics'
import { Counter, Gauge } from 'prom-client'
import type { Rejection } from './passwords/fair-slots.ts'
import type { RateLimitName } from './rate-limits/rate-limits.ts'

export type AuthMetrics = ReturnType<typeof createAuthMetrics>

/** Creates auth-service's own metrics: outcomes of sign-ins and refreshes, rate limits, and the password hash queue. */
export function createAuthMetrics({ registry }: Metrics) {
  const registers = [registry]
  const signIns = new Counter({
    name: 'auth_sign_ins_total',
    help: 'Sign-ins by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  const refreshes = new Counter({
    name: 'auth_session_refreshes_total',
    help: 'Session refreshes by outcome; reused means that a session was ended because its refresh token was reused.',
    labelNames: ['outcome'],
    registers,
  })
  const hashRejections = new Counter({
    name: 'auth_password_hash_rejections_total',
    help: 'Passwords that were not hashed by reason: the queue was full, the turn came too late, or the client had gone.',
    labelNames: ['reason'],
    registers,
  })
  const rateLimited = new Counter({
    name: 'auth_rate_limited_total',
    help: 'Sign-in attempts, registrations and e-mail requests that were rejected, by the rate limit that was exceeded.',
    labelNames: ['limit'],
    registers,
  })
  return {
    countRateLimited: (limit: RateLimitName): void => rateLimited.inc({ limit }),
    countSignIn: (outcome: 'registered' | 'accepted' | 'refused'): void => signIns.inc({ outcome }),
    countRefresh: (outcome: 'rotated' | 'repeated' | 'reused' | 'refused'): void => refreshes.inc({ outcome }),
    countHashRejection: (reason: Rejection): void => hashRejections.inc({ reason }),
    /** Registers a gauge that reads the length of the password hash queue on each scrape. */
    observeHashQueue: (queueLength: () => number): void =>
      void new Gauge({
        name: 'auth_password_hash_queue_length',
        help: 'Passwords that wait to be hashed.',
        registers,
        collect() {
          this.set(queueLength())
        },
      }),
  }
}
