import cookie from '@fastify/cookie'
import {
  ACCOUNT_DELETIONS,
  ACCOUNT_DELETIONS_PARTITIONS,
  ACCOUNT_DELETIONS_SETTINGS,
} from '@halles/contracts/account-deletions'
import { ACCOUNT_EVENTS, ACCOUNT_EVENTS_PARTITIONS, ACCOUNT_EVENTS_SETTINGS } from '@halles/contracts/account-events'
import { createServiceApp, type App } from '@halles/fastify-service/app'
import { kafkaCredentials, topicReplication, accessOptions } from '@halles/config/config'
import { createKafka } from '@halles/kafka/kafka'
import { connectMongo } from '@halles/mongo/mongo'
import { retryWhileUnavailable } from '@halles/mongo/retry-while-unavailable'
import { createLogger } from '@halles/telemetry/log'
import { createRevocationPoller } from '@halles/auth/revocations'
import { createEncryption } from '@halles/auth/encryption'
import { createOutbox, type Outbox } from './account-events/outbox.ts'
import { createPendingEventStore } from './account-events/pending-events.ts'
import { createAccountLinkStore } from './account-links/account-links.ts'
import { createLinkRequestStore } from './account-links/link-requests.ts'
import { openAccountCollection } from './accounts/account-document.ts'
import { createInitialAccounts } from './accounts/initial-accounts.ts'
import { createUserStore } from './accounts/users.ts'
import type { Settings } from './config.ts'
import type { AppDeps } from './deps.ts'
import { graphql } from './graphql.ts'
import { createAuthMetrics } from './metrics.ts'
import { createCommonPasswordCheck } from './passwords/common-passwords.ts'
import { createPasswordAdmission } from './passwords/password-admission.ts'
import { createPasswordHasher } from './passwords/password-hasher.ts'
import { createFailedAttemptStore } from './rate-limits/failed-attempts.ts'
import { createRateLimiter, unlimitedRateLimiter } from './rate-limits/rate-limiter.ts'
import { registerRestRoutes } from './rest.ts'
import { createSecurityLog } from './security-log/security-log.ts'
import { createAccessTokens } from './sessions/access-token.ts'
import { createSessionEnder } from './sessions/end-changed-sessions.ts'
import { readRevocations } from './sessions/read-revocations.ts'
import { createRefreshTokens } from './sessions/refresh-token.ts'
import { createSessionStore } from './sessions/sessions.ts'
import { createSigningKeys } from './signing-keys/signing-keys.ts'

const DAY = 86_400_000

/** Creates auth-service, not yet listening: connects to MongoDB, and creates missing keys and initial accounts. */
export async function createApp(settings: Settings, { now = () => new Date() } = {}): Promise<App> {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = settings
  const log = createLogger('auth-service', settings.LOG_LEVEL)
  const mongo = await connectMongo(settings.MONGODB_URL, 'auth-service', log)
  const { db } = mongo
  const publishesEvents = settings.KAFKA_BROKERS !== undefined
  // A minute more than tokens live: for clock skew between services.
  const revocationRetention = (settings.ACCESS_TOKEN_SECONDS + 60) * 1000
  const [accounts, sessions, signingKeys, failedAttempts, linkRequests] = await retryWhileUnavailable(
    () =>
      Promise.all([
        openAccountCollection(db),
        createSessionStore(db, revocationRetention),
        createSigningKeys(db, () => now().getTime()),
        createFailedAttemptStore(db),
        createLinkRequestStore(db),
      ]),
    log,
  )
  const users = createUserStore(db, accounts, publishesEvents)
  const accountLinks = createAccountLinkStore(accounts, publishesEvents)
  const secret = signingKeys.refreshSecret
  const securityLog = await retryWhileUnavailable(
    () => createSecurityLog(db, { secret, days: settings.SECURITY_LOG_DAYS, now }),
    log,
  )
  const app = await createServiceApp({
    name: 'auth-service',
    logLevel: settings.LOG_LEVEL,
    findPublicKey: signingKeys.findPublicKey,
    revocations: createRevocationPoller((since) =>
      readRevocations({ sessions, users, signingKeys, now, revocationRetention }, since),
    ),
    issuer,
    audience,
    readinessChecks: { mongodb: mongo.ping },
    // Requests with a password have a queue of their own, fair to networks, in which they may wait for 4 s.
    targetDuration: 6000,
    ...accessOptions(settings),
  })
  app.addHook('onClose', mongo.close)
  await app.register(cookie)

  const metrics = createAuthMetrics(app.metrics)
  const passwordHasher = await createPasswordHasher({ onRejected: metrics.countHashRejection })
  const passwordAdmission = createPasswordAdmission(metrics.countHashRejection)
  metrics.observeHashQueue(() => passwordAdmission.queueLength() + passwordHasher.queueLength())
  const rateLimiter = settings.THROTTLING
    ? createRateLimiter({ failedAttempts, secret, scale: settings.THROTTLING_SCALE, metrics, securityLog, now })
    : unlimitedRateLimiter
  const pendingEvents = createPendingEventStore(accounts)
  const outbox = startOutbox(settings, {
    users,
    accountLinks,
    linkRequests,
    pendingEvents,
    rateLimiter,
    log: app.log,
    now,
  })
  const sessionEnder = createSessionEnder({ users, sessions, now }, app.log)
  // Hooks run in reverse order, so this one runs before MongoDB is closed.
  app.addHook('onClose', async () => void (await Promise.all([outbox?.stop(), sessionEnder.stop()])))
  const deps: AppDeps = {
    users,
    accountLinks,
    linkRequests,
    sessions,
    passwordAdmission,
    passwordHasher,
    isCommonPassword: createCommonPasswordCheck(),
    rateLimiter,
    accessTokens: createAccessTokens(app.jwt, {
      signingKeys,
      issuer,
      audience,
      seconds: settings.ACCESS_TOKEN_SECONDS,
    }),
    refreshTokens: createRefreshTokens(secret),
    sessionLifetime: settings.REFRESH_TOKEN_DAYS * DAY,
    revocationRetention,
    securityLog,
    outbox,
    metrics,
    log: app.log,
    now,
  }
  registerRestRoutes(app, deps, signingKeys)
  graphql(app, deps)
  await retryWhileUnavailable(() => createInitialAccounts(deps, settings), log)
  return app
}

/** Starts the outbox if Kafka is configured. The topics are created in the background, as soon as Kafka is available. */
function startOutbox(
  settings: Settings,
  deps: Omit<Parameters<typeof createOutbox>[0], 'encryption' | 'publisher'>,
): Outbox | undefined {
  const { KAFKA_BROKERS, ACCOUNT_LINK_SECRET } = settings
  if (!KAFKA_BROKERS || !ACCOUNT_LINK_SECRET) return undefined
  const { log } = deps
  const kafka = createKafka(KAFKA_BROKERS, 'auth-service', log, kafkaCredentials(settings), topicReplication(settings))
  const outbox = createOutbox({
    ...deps,
    encryption: createEncryption(ACCOUNT_LINK_SECRET),
    publisher: kafka.publisher(),
  })
  const topicCreation = new AbortController()
  const { signal } = topicCreation
  Promise.all([
    kafka.ensureTopic(ACCOUNT_EVENTS, ACCOUNT_EVENTS_PARTITIONS, signal, ACCOUNT_EVENTS_SETTINGS),
    kafka.ensureTopic(ACCOUNT_DELETIONS, ACCOUNT_DELETIONS_PARTITIONS, signal, ACCOUNT_DELETIONS_SETTINGS),
  ]).catch((error: unknown) => {
    if (!signal.aborted) log.error({ err: error }, 'the account topics could not be created')
  })
  return {
    ...outbox,
    stop: async () => {
      topicCreation.abort()
      await outbox.stop()
    },
  }
}
