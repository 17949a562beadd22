import {
  BehindGateway,
  Common,
  demands,
  dependencies,
  JwksUrl,
  MongodbUrl,
  Peers,
  readConfig,
  type Demand,
} from '@halles/service/config'
import { Type, type Static } from 'typebox'

const Settings = Type.Object(
  {
    ...Common,
    ...BehindGateway,
    ...Peers,
    ...JwksUrl,
    ...MongodbUrl,
    GRPC_PORT: Type.Integer({
      minimum: 0,
      maximum: 65535,
      description: 'The port of the gRPC server; 0 takes a free one',
    }),
    GRPC_HOST: Type.String({
      default: '127.0.0.1',
      description: 'The address of the gRPC server, which only peers may reach',
    }),
    DEMO_CATALOGUE: Type.Boolean({
      default: false,
      description: 'true fills an empty catalogue with demo products',
    }),
  },
  { dependencies },
)

export type Settings = Static<typeof Settings>

const noDemoCatalogue: Demand = {
  name: 'DEMO_CATALOGUE',
  met: ({ DEMO_CATALOGUE }) => DEMO_CATALOGUE !== true,
  sentence: 'must not be true',
}

/** Parses the environment to product-service's settings. @throws Error that lists every invalid variable */
export const configFrom = (env: NodeJS.ProcessEnv): Settings =>
  readConfig(Settings, env, [demands.behindGateway, demands.peers, noDemoCatalogue])
