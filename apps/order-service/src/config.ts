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
      description: "host:port of product-service's gRPC server",
    }),
  },
  { dependencies },
)
export type Settings = Static<typeof Settings>

/** Parses this service's settings. @throws Error that lists every mistake */
export const configFrom = (env: NodeJS.ProcessEnv): Settings =>
  readConfig(Settings, env, [demands.behindGateway, demands.peers])
