import {
  BehindGatewaySettings,
  CommonSettings,
  productionRequirements,
  settingsRequiredTogether,
  JwksSettings,
  MongodbSettings,
  PeerSettings,
  readConfig,
  type ProductionRequirement,
} from '@halles/config/config'
import { Type, type Static } from 'typebox'

const Settings = Type.Object(
  {
    ...CommonSettings,
    ...BehindGatewaySettings,
    ...PeerSettings,
    ...JwksSettings,
    ...MongodbSettings,
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
  { dependencies: settingsRequiredTogether },
)

export type Settings = Static<typeof Settings>

const noDemoCatalogue: ProductionRequirement = {
  name: 'DEMO_CATALOGUE',
  isMet: ({ DEMO_CATALOGUE }) => DEMO_CATALOGUE !== true,
  message: 'must not be true',
}

/** Parses the environment to product-service's settings. @throws Error that lists every invalid variable */
export const parseConfig = (env: NodeJS.ProcessEnv): Settings =>
  readConfig(Settings, env, [productionRequirements.behindGateway, productionRequirements.peers, noDemoCatalogue])
