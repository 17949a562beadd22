import {
  AccountLinkSettings,
  BehindGatewaySettings,
  CommonSettings,
  productionRequirements,
  settingsRequiredTogether,
  JwksSettings,
  KafkaCredentialSettings,
  KafkaSettings,
  MongodbSettings,
  readConfig,
} from '@halles/config/config'
import { Type, type Static } from 'typebox'

const Settings = Type.Object(
  {
    ...CommonSettings,
    ...BehindGatewaySettings,
    ...JwksSettings,
    ...MongodbSettings,
    ...KafkaSettings,
    ...KafkaCredentialSettings,
    ...AccountLinkSettings,
    SMTP_URL: Type.String({
      format: 'uri',
      pattern: '^smtps?://[^\\s]+$',
      description: 'The mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465',
    }),
    MAIL_FROM: Type.String({
      pattern: '^([^<>\\r\\n]*<[^<>@\\s]+@[^<>@\\s]+>|[^<>@\\s]+@[^<>@\\s]+)$',
      default: 'Halles <commandes@halles.example>',
      description: 'The sender of e-mails: Name <address@host>',
    }),
    SMTP_TIMEOUT_MS: Type.Integer({
      minimum: 100,
      maximum: 600_000,
      default: 60_000,
      description:
        'The timeout of one delivery attempt, in milliseconds; the lease of an e-mail is one and a half times it',
    }),
    RETRY_SCALE: Type.Number({
      exclusiveMinimum: 0,
      maximum: 100,
      default: 1,
      description: 'Multiplies every retry delay and the retry window of an e-mail',
    }),
    SHOP_URL: Type.Optional(
      Type.String({
        format: 'uri',
        pattern: '^https?://',
        description: 'The URL of the storefront, for links in e-mails; no links if unset',
      }),
    ),
  },
  { dependencies: settingsRequiredTogether },
)
export type Settings = Static<typeof Settings>

/**
 * Reads the settings of this service from environment variables.
 *
 * @throws Error whose message lists every mistake.
 */
export const parseConfig = (env: NodeJS.ProcessEnv): Settings =>
  readConfig(Settings, env, [productionRequirements.behindGateway, productionRequirements.accountLinks])
