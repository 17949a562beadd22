import {
  AccountLinkSecret,
  BehindGateway,
  Common,
  demands,
  dependencies,
  isOwn,
  KafkaAccess,
  KafkaBrokers,
  MongodbUrl,
  readConfig,
  type Demand,
} from '@halles/service/config'
import { Type, type Static } from 'typebox'
import { Email, Name, Password } from './user.ts'

/** How long an access token is good. */
export const AccessTokenSeconds = Type.Integer({ minimum: 1, maximum: 86_400, default: 600 })

const Settings = Type.Object(
  {
    ...Common,
    ...MongodbUrl,
    ...BehindGateway,
    KAFKA_BROKERS: Type.Optional(KafkaBrokers.KAFKA_BROKERS),
    ...KafkaAccess,
    ...AccountLinkSecret,
    SECURITY_LOG_DAYS: Type.Integer({ minimum: 1, maximum: 3650, default: 90 }),
    THROTTLING: Type.Boolean({
      default: true,
      description: 'false lets everyone try to sign in and register as fast as they can: for tests that measure time',
    }),
    THROTTLING_SCALE: Type.Number({
      minimum: 1,
      maximum: 1_000_000,
      default: 1,
      description: 'How many times as much as usual may be tried: for many people at one address',
    }),
    ACCESS_TOKEN_SECONDS: AccessTokenSeconds,
    REFRESH_TOKEN_DAYS: Type.Integer({ minimum: 1, maximum: 365, default: 30 }),
    ADMIN_NAME: { ...Name, default: 'Admin' },
    ADMIN_EMAIL: Type.Optional(Email),
    ADMIN_PASSWORD: Type.Optional(Password),
    DEMO_CUSTOMER_NAME: { ...Name, default: 'Camille Martin' },
    DEMO_CUSTOMER_EMAIL: Type.Optional(Email),
    DEMO_CUSTOMER_PASSWORD: Type.Optional(Password),
  },
  {
    // One of a pair without the other is a mistake in the settings, not something left out.
    dependencies: {
      ...dependencies,
      KAFKA_BROKERS: ['ACCOUNT_LINK_SECRET'],
      ACCOUNT_LINK_SECRET: ['KAFKA_BROKERS'],
      ADMIN_EMAIL: ['ADMIN_PASSWORD'],
      ADMIN_PASSWORD: ['ADMIN_EMAIL'],
      DEMO_CUSTOMER_EMAIL: ['DEMO_CUSTOMER_PASSWORD'],
      DEMO_CUSTOMER_PASSWORD: ['DEMO_CUSTOMER_EMAIL'],
    },
  },
)

/** What auth-service is told by its environment; README.md lists it. */
export type Settings = Static<typeof Settings>

const inProduction: Demand[] = [
  demands.gatewaySecret,
  demands.accountLinks,
  {
    name: 'ADMIN_PASSWORD',
    met: ({ ADMIN_PASSWORD: password }) => password === undefined || isOwn(password),
    sentence: 'must not be that of the demo, which everyone knows',
  },
  {
    name: 'DEMO_CUSTOMER_EMAIL',
    met: ({ DEMO_CUSTOMER_EMAIL: email }) => email === undefined,
    sentence: 'must not be set: there are no demo accounts',
  },
  { name: 'THROTTLING', met: ({ THROTTLING }) => THROTTLING !== false, sentence: 'must not be false' },
]

/** @throws one Error whose message lists every mistake, a line each. */
export const configFrom = (env: NodeJS.ProcessEnv): Settings => readConfig(Settings, env, inProduction)
