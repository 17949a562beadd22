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
