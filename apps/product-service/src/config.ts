import { Common, JwksUrl, MongodbUrl, readConfig } from '@halles/service/config'
import { Type, type Static } from 'typebox'

const Settings = Type.Object({
  ...Common,
  ...JwksUrl,
  ...MongodbUrl,
  GRPC_PORT: Type.Integer({
    minimum: 0,
    maximum: 65535,
    description: 'The port on which peers call gRPC; 0 takes a free one',
  }),
  GRPC_HOST: Type.Optional(
    Type.String({ description: 'The address for gRPC, which only peers may reach; HOST if unset' }),
  ),
  DEMO_CATALOGUE: Type.Boolean({
    default: false,
    description: 'true fills an empty catalogue with a market to look at',
  }),
})

export type Settings = Static<typeof Settings> & { GRPC_HOST: string }

/** product-service's settings; throws one Error that lists every mistake. */
export function configFrom(env: NodeJS.ProcessEnv): Settings {
  const settings = readConfig(Settings, env)
  return { ...settings, GRPC_HOST: settings.GRPC_HOST ?? settings.HOST }
}
