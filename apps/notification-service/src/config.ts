import {
  AccountLinkSecret,
  BehindGateway,
  Common,
  demands,
  dependencies,
  JwksUrl,
  KafkaAccess,
  KafkaBrokers,
  MongodbUrl,
  readConfig,
} from '@halles/service/config'
import { Type, type Static } from 'typebox'

const Settings = Type.Object(
  {
    ...Common,
    ...BehindGateway,
    ...JwksUrl,
    ...MongodbUrl,
    ...KafkaBrokers,
    ...KafkaAccess,
    ...AccountLinkSecret,
    SMTP_URL: Type.String({
      format: 'uri',
      pattern: '^smtps?://[^\\s]+$',
      description: 'Where letters are handed over: smtp://user:password@host:587 (STARTTLS) or smtps://…:465',
    }),
    MAIL_FROM: Type.String({
      pattern: '^([^<>\\r\\n]*<[^<>@\\s]+@[^<>@\\s]+>|[^<>@\\s]+@[^<>@\\s]+)$',
      default: 'Halles <commandes@halles.example>',
      description: 'Who letters are from: Name <address@host>',
    }),
    SMTP_TIMEOUT_MS: Type.Integer({
      minimum: 100,
      maximum: 600_000,
      default: 60_000,
      description: 'How long one try of a letter may take; half as long again no other instance tries it',
    }),
    RETRY_SCALE: Type.Number({
      exclusiveMinimum: 0,
      maximum: 100,
      default: 1,
      description: 'Multiplies every pause before another try of a letter, and how long it is tried at all',
    }),
    SHOP_URL: Type.Optional(
      Type.String({
        format: 'uri',
        pattern: '^https?://',
        description: 'The storefront, for a link in letters; none if unset',
      }),
    ),
  },
  { dependencies },
)
export type Settings = Static<typeof Settings>

/**
 * This service's settings from environment variables.
 *
 * @throws Error whose message lists every mistake.
 */
export const configFrom = (env: NodeJS.ProcessEnv): Settings =>
  readConfig(Settings, env, [demands.behindGateway, demands.accountLinks])
