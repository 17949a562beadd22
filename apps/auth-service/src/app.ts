import cookie from '@fastify/cookie'
import {
  ACCOUNT_DELETIONS,
  ACCOUNT_DELETIONS_PARTITIONS,
  ACCOUNT_DELETIONS_SETTINGS,
} from '@halles/contracts/account-deletions'
import { ACCOUNT_EVENTS, ACCOUNT_EVENTS_PARTITIONS, ACCOUNT_EVENTS_SETTINGS } from '@halles/contracts/account-events'
import { serviceApp, type App } from '@halles/service/app'
import { accessOf, doorsOf } from '@halles/service/config'
import { kafkaAt } from '@halles/service/kafka'
import { openMongo } from '@halles/service/mongo'
import { revocationsFrom } from '@halles/service/revocations'
import { sealingUnder } from '@halles/service/sealed'
import { accessTokensOf } from './access-token.ts'
import { accountLettersOf, type AccountLetters } from './account-letters.ts'
import { commonPasswords } from './common-passwords.ts'
import type { Settings } from './config.ts'
import type { Desk } from './desk.ts'
import { makeFirstAccounts } from './first-accounts.ts'
import { graphql } from './graphql.ts'
import { hashing } from './hashing.ts'
import { keysIn } from './keys.ts'
import { linkRequestsIn } from './link-requests.ts'
import { signInMetrics } from './metrics.ts'
import { readRevocations } from './read-revocations.ts'
import { refreshTokensUnder } from './refresh-token.ts'
import { rest } from './rest.ts'
import { securityLogIn } from './security-log.ts'
import { sessionsIn } from './sessions.ts'
import { throttleWith, unthrottled } from './throttle.ts'
import { triesIn } from './tries.ts'
import { usersIn } from './users.ts'

const DAY = 86_400_000

/** auth-service, whole and not yet listening: opens its database, makes its keys and first accounts if need be. */
export async function createApp(settings: Settings, { now = () => new Date() } = {}): Promise<App> {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = settings
  const mongo = await openMongo(settings.MONGODB_URL, 'auth-service')
  const { db } = mongo
  const mourning = (settings.ACCESS_TOKEN_SECONDS + 60) * 1000
  const [users, sessions, keys, tries] = await Promise.all([
    usersIn(db, settings.KAFKA_BROKERS !== undefined),
    sessionsIn(db, mourning),
    keysIn(db, () => now().getTime()),
    triesIn(db),
  ])
  const secret = keys.refreshSecret
  const linkRequests = await linkRequestsIn(db)
  const security = await securityLogIn(db, { secret, days: settings.SECURITY_LOG_DAYS, now })
  const app = await serviceApp({
    name: 'auth-service',
    logLevel: settings.LOG_LEVEL,
    keyOf: keys.keyOf,
    revocations: revocationsFrom((since) => readRevocations({ sessions, users, now, mourning }, since)),
    issuer,
    audience,
    needs: { mongodb: mongo.ping },
    ...doorsOf(settings),
  })
  app.addHook('onClose', mongo.close)
  await app.register(cookie)

  const count = signInMetrics(app.metrics)
  const passwords = await hashing({ turnedAway: count.turnedAway })
  count.watch(passwords.waiting)
  const throttle = settings.THROTTLING
    ? throttleWith({ tries, secret, scale: settings.THROTTLING_SCALE, count, security, now })
    : unthrottled
  const letters = lettersBy(settings, { users, linkRequests, throttle, log: app.log, now })
  // Before MongoDB is closed: hooks run last in, first out.
  app.addHook('onClose', async () => letters?.stop())
  const desk: Desk = {
    users,
    sessions,
    passwords,
    isCommon: commonPasswords(),
    throttle,
    linkRequests,
    letters,
    accessTokens: accessTokensOf(app.jwt, { keys, issuer, audience, seconds: settings.ACCESS_TOKEN_SECONDS }),
    refreshTokens: refreshTokensUnder(secret),
    mourning,
    security,
    sessionLife: settings.REFRESH_TOKEN_DAYS * DAY,
    count,
    log: app.log,
    now,
  }
  rest(app, desk, keys)
  graphql(app, desk)
  await makeFirstAccounts(desk, settings)
  return app
}

/** Letters about accounts, where there is a Kafka to tell of them; its topics are made as soon as it answers. */
function lettersBy(
  settings: Settings,
  helpers: Omit<Parameters<typeof accountLettersOf>[0], 'sealing' | 'publisher'>,
): AccountLetters | undefined {
  const { KAFKA_BROKERS, ACCOUNT_LINK_SECRET } = settings
  if (!KAFKA_BROKERS || !ACCOUNT_LINK_SECRET) return undefined
  const { log } = helpers
  const kafka = kafkaAt(KAFKA_BROKERS, 'auth-service', log, accessOf(settings))
  const letters = accountLettersOf({
    ...helpers,
    sealing: sealingUnder(ACCOUNT_LINK_SECRET),
    publisher: kafka.publisher(),
  })
  const stopping = new AbortController()
  const { signal } = stopping
  Promise.all([
    kafka.ensureTopic(ACCOUNT_EVENTS, ACCOUNT_EVENTS_PARTITIONS, signal, ACCOUNT_EVENTS_SETTINGS),
    kafka.ensureTopic(ACCOUNT_DELETIONS, ACCOUNT_DELETIONS_PARTITIONS, signal, ACCOUNT_DELETIONS_SETTINGS),
  ]).catch((error: unknown) => {
    if (!signal.aborted) log.error({ err: error }, 'the topics of accounts could not be made')
  })
  return {
    ...letters,
    stop: async () => {
      stopping.abort()
      await letters.stop()
    },
  }
}
