import { CommonSettings, GatewaySecretSettings, productionRequirements, readConfig } from '@halles/config/config'
import { Type, type Static } from 'typebox'

const Settings = Type.Object({
  ...CommonSettings,
  ...GatewaySecretSettings,
  GRAPHQL_URL: Type.String({
    format: 'uri',
    description: "The gateway's GraphQL endpoint, from which pages are rendered: http://gateway:8080/graphql",
  }),
  SHOP_URL: Type.String({
    pattern: '^https?://[^/?#]+$',
    description: 'The origin of the shop as customers see it, without a path: https://shop.example',
  }),
})

export type Settings = Static<typeof Settings>

/** Parses the environment to the storefront's settings. @throws Error that lists every invalid variable */
export const parseConfig = (env: NodeJS.ProcessEnv): Settings =>
  readConfig(Settings, env, [productionRequirements.gatewaySecret])
