import {
  BehindGatewaySettings,
  CommonSettings,
  productionRequirements,
  settingsRequiredTogether,
  JwksSettings,
  KafkaCredentialSettings,
  KafkaSettings,
  MongodbSettings,
  PeerSettings,
  readConfig,
} from '@halles/config/config'
import { Type, type Static } from 'typebox'

const Settings = Type.Object(
  {
    ...CommonSettings,
    ...BehindGatewaySettings,
    ...PeerSettings,
    ...JwksSettings,
    ...MongodbSettings,
    ...KafkaSettings,
    ...KafkaCredentialSettings,
    SHOP_TIME_ZONE: Type.String({
      default: 'Europe/Paris',
      pattern: `^(${Intl.supportedValuesOf('timeZone').join('|')}|UTC)$`,
      description: 'The IANA time zone in which the days of the shop begin, such as Europe/Paris',
    }),
    OVERDUE_HOURS: Type.Integer({
      minimum: 1,
      maximum: 8760,
      default: 48,
      description: 'After how many hours an order is overdue that is neither delivered nor cancelled',
    }),
    PRODUCT_GRPC_URL: Type.String({
      pattern: '^([^\\s/,]+:\\d+|\\d+(\\.\\d+){3}:\\d+(,\\d+(\\.\\d+){3}:\\d+)+)$',
      description: "host:port of product-service's gRPC server, or several IPv4:port separated by commas",
    }),
  },
  { dependencies: settingsRequiredTogether },
)
export type Settings = Static<typeof Settings>

/** Parses this service's settings. @throws Error that lists every mistake */
export const parseConfig = (env: NodeJS.ProcessEnv): Settings =>
  readConfig(Settings, env, [productionRequirements.behindGateway, productionRequirements.peers])
