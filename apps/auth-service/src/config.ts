import {
  AccountLinkSettings,
  BehindGatewaySettings,
  CommonSettings,
  productionRequirements,
  settingsRequiredTogether,
  isPrivateSecret,
  KafkaCredentialSettings,
  KafkaSettings,
  MongodbSettings,
  readConfig,
  type ProductionRequirement,
} from '@halles/config/config'
import { MAX_ACCESS_TOKEN_SECONDS } from '@halles/auth/revocations'
import { Type, type Static } from 'typebox'
import { Email, Name, Password } from './accounts/user.ts'

/** The lifetime of an access token. */
export const AccessTokenSeconds = Type.Integer({ minimum: 1, maximum: MAX_ACCESS_TOKEN_SECONDS, default: 600 })

/** How long the security log keeps events, in days. */
export const SecurityLogDays = Type.Integer({ minimum: 1, maximum: 3650, default: 90 })

const Settings = Type.Object(
  {
    ...CommonSettings,
    ...MongodbSettings,
    ...BehindGatewaySettings,
    ...KafkaSettings,
    KAFKA_BROKERS: Type.Optional(KafkaSettings.KAFKA_BROKERS),
    ...KafkaCredentialSettings,
    ...AccountLinkSettings,
    SECURITY_LOG_DAYS: SecurityLogDays,
    THROTTLING: Type.Boolean({
      default: true,
      description: 'false turns all rate limits off: for tests that measure time',
    }),
    THROTTLING_SCALE: Type.Number({
      minimum: 1,
      maximum: 1_000_000,
      default: 1,
      description: 'The factor by which all rate limits are raised: for many users behind one IP address',
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
    // Of these pairs, one without the other is an error.
    dependencies: {
      ...settingsRequiredTogether,
      KAFKA_BROKERS: ['ACCOUNT_LINK_SECRET'],
      ACCOUNT_LINK_SECRET: ['KAFKA_BROKERS'],
      ADMIN_EMAIL: ['ADMIN_PASSWORD'],
      ADMIN_PASSWORD: ['ADMIN_EMAIL'],
      DEMO_CUSTOMER_EMAIL: ['DEMO_CUSTOMER_PASSWORD'],
      DEMO_CUSTOMER_PASSWORD: ['DEMO_CUSTOMER_EMAIL'],
    },
  },
)

/** The settings of auth-service, from environment variables; README.md lists them. */
export type Settings = Static<typeof Settings>

const ownRequirements: ProductionRequirement[] = [
  productionRequirements.gatewaySecret,
  productionRequirements.accountLinks,
  {
    name: 'ADMIN_PASSWORD',
    isMet: ({ ADMIN_PASSWORD: password }) => password === undefined || isPrivateSecret(password),
    message: 'must not be the public password of the demo',
  },
  {
    name: 'DEMO_CUSTOMER_EMAIL',
    isMet: ({ DEMO_CUSTOMER_EMAIL: email }) => email === undefined,
    message: 'must not be set: demo accounts are not allowed in production',
  },
  { name: 'THROTTLING', isMet: ({ THROTTLING }) => THROTTLING !== false, message: 'must not be false' },
]

/**
 * Reads and validates the settings.
 *
 * @throws one Error whose message lists every mistake, a line each.
 */
export const parseConfig = (env: NodeJS.ProcessEnv): Settings => readConfig(Settings, env, ownRequirements)
