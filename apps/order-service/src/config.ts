import { Common, JwksUrl, KafkaBrokers, MongodbUrl, readConfig } from '@halles/service/config'
import { Type, type Static } from 'typebox'

const Settings = Type.Object({
  ...Common,
  ...JwksUrl,
  ...MongodbUrl,
  ...KafkaBrokers,
  PRODUCT_GRPC_URL: Type.String({ pattern: '^[^\\s/]+:\\d+$', description: "product-service's gRPC door, host:port" }),
})
export type Settings = Static<typeof Settings>

/** This service's settings. @throws one Error that lists every mistake. */
export const configFrom = (env: NodeJS.ProcessEnv): Settings => readConfig(Settings, env)
