import cookie from '@fastify/cookie'
import { serviceApp, type App } from '@halles/service/app'
import { openMongo } from '@halles/service/mongo'
import { revocationsFrom } from '@halles/service/revocations'
import { accessTokensOf } from './access-token.ts'
import { commonPasswords } from './common-passwords.ts'
import type { Settings } from './config.ts'
import type { Desk } from './desk.ts'
import { makeFirstAccounts } from './first-accounts.ts'
import { graphql } from './graphql.ts'
import { hashing } from './hashing.ts'
import { keysIn } from './keys.ts'
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
    usersIn(db),
    sessionsIn(db, mourning),
    keysIn(db, () => now().getTime()),
    triesIn(db),
  ])
  const secret = keys.refreshSecret
  const security = await securityLogIn(db, { secret, days: settings.SECURITY_LOG_DAYS, now })
  const app = await serviceApp({
    name: 'auth-service',
    logLevel: settings.LOG_LEVEL,
    keyOf: keys.keyOf,
    revocations: revocationsFrom((since) => readRevocations({ sessions, users, now, mourning }, since)),
    issuer,
    audience,
    needs: { mongodb: mongo.ping },
    gatewaySecret: settings.GATEWAY_SECRET,
  })
  app.addHook('onClose', mongo.close)
  await app.register(cookie)

  const count = signInMetrics(app.metrics)
  const passwords = await hashing({ turnedAway: count.turnedAway })
  count.watch(passwords.waiting)
  const desk: Desk = {
    users,
    sessions,
    passwords,
    isCommon: commonPasswords(),
    throttle: settings.THROTTLING
      ? throttleWith({ tries, secret, scale: settings.THROTTLING_SCALE, count, security, now })
      : unthrottled,
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
