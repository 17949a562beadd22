import {
  BehindGateway,
  Common,
  demands,
  dependencies,
  JwksUrl,
  KafkaAccess,
  KafkaBrokers,
  MongodbUrl,
  Peers,
  readConfig,
} from '@halles/service/config'
import { Type, type Static } from 'typebox'

const Settings = Type.Object(
  {
    ...Common,
    ...BehindGateway,
    ...Peers,
    ...JwksUrl,
    ...MongodbUrl,
    ...KafkaBrokers,
    ...KafkaAccess,
    PRODUCT_GRPC_URL: Type.String({
      pattern: '^[^\\s/]+:\\d+$',
      description: "product-service's gRPC door, host:port",
    }),
  },
  { dependencies },
)
export type Settings = Static<typeof Settings>

/** This service's settings. @throws one Error that lists every mistake. */
export const configFrom = (env: NodeJS.ProcessEnv): Settings =>
  readConfig(Settings, env, [demands.behindGateway, demands.peers])
