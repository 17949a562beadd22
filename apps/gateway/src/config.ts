import {
  CommonSettings,
  productionRequirements,
  GatewaySecretSettings,
  isSchemaOpen,
  JwksSettings,
  OpenSchemaSettings,
  readConfig,
} from '@halles/config/config'
import { Type, type Static } from 'typebox'

/** The services behind the gateway. Each has a subgraph and REST routes below /api. */
export const services = ['auth', 'product', 'order', 'notification'] as const
export type Service = (typeof services)[number]

const ORIGIN = 'https?://[^/?#,\\s]+'
const Origins = (service: string) =>
  Type.String({
    pattern: `^${ORIGIN}(,${ORIGIN})*$`,
    description: `${service}: http://host:port, without a path; several separated by commas`,
  })

const Settings = Type.Object({
  ...CommonSettings,
  ...JwksSettings,
  ...GatewaySecretSettings,
  AUTH_URL: Origins('auth-service'),
  PRODUCT_URL: Origins('product-service'),
  ORDER_URL: Origins('order-service'),
  NOTIFICATION_URL: Origins('notification-service'),
  STOREFRONT_URL: Type.Optional(Origins('storefront, which serves all paths that the gateway itself does not')),
  TRUSTED_PROXIES: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f.:/]+(,[0-9A-Fa-f.:/]+)*$',
      description: 'Proxies whose X-Forwarded-* headers are trusted: addresses and networks, separated by commas',
    }),
  ),
  MAILBOX_URL: Type.Optional(
    Type.String({ format: 'uri', description: 'The web page of a mailbox, linked from the page for developers' }),
  ),
  ...OpenSchemaSettings,
  CORS_ORIGINS: Type.Optional(
    Type.String({
      pattern: `^${ORIGIN}(,${ORIGIN})*$`,
      description: 'Origins allowed by CORS: https://shop.example, several separated by commas',
    }),
  ),
  RATE_LIMIT: Type.Integer({
    minimum: 0,
    default: 30_000,
    description:
      'Points that a client may spend in a minute, and half of those of its address: a read costs 1, a write 5, a GraphQL operation its cost; 0: no limit',
  }),
  MAX_OPEN_REQUESTS: Type.Integer({
    minimum: 0,
    default: 100,
    description: 'How many requests of one client address may be open at once; 0: no limit',
  }),
  MAX_EVENT_STREAMS: Type.Integer({
    minimum: 0,
    maximum: 100_000,
    default: 2000,
    description:
      'How many event streams (subscriptions) may be open at once: each takes a connection to the client and one to a service',
  }),
  OPERATIONS_FILE: Type.Optional(
    Type.String({
      description: 'A manifest of persisted operations, as `npm run persist` writes it',
    }),
  ),
  PERSISTED_ONLY: Type.Boolean({
    default: false,
    description: 'Whether only persisted operations are answered, by documentId; turns GraphiQL off',
  }),
  UPSTREAM_TIMEOUT_MS: Type.Integer({
    minimum: 50,
    maximum: 120_000,
    default: 10_000,
    description: 'How long a response of a service may take, in milliseconds',
  }),
  UPSTREAM_PATIENCE_MS: Type.Integer({
    minimum: 0,
    maximum: 60_000,
    default: 5000,
    description: 'How long requests wait for a service after it became unreachable, in milliseconds',
  }),
})

export type Settings = Static<typeof Settings>

/**
 * Reads the gateway's settings from environment variables.
 *
 * @throws Error that lists every mistake
 */
export const parseConfig = (env: NodeJS.ProcessEnv): Settings =>
  readConfig(Settings, env, [productionRequirements.gatewaySecret])

/** The addresses of each service: one or several. */
export const serviceUrls = (settings: Settings): Record<Service, string[]> => ({
  auth: settings.AUTH_URL.split(','),
  product: settings.PRODUCT_URL.split(','),
  order: settings.ORDER_URL.split(','),
  notification: settings.NOTIFICATION_URL.split(','),
})

/** Whether introspection is answered and GraphiQL is served: never with persisted operations only. */
export const isIntrospectionEnabled = (settings: Settings): boolean =>
  !settings.PERSISTED_ONLY && isSchemaOpen(settings)

/** Whether the OpenAPI document and the API documentation pages are served: in production only if OPEN_SCHEMA is true. */
export const areApiDocsEnabled = (settings: Settings): boolean => isSchemaOpen(settings)

/** Stops @apollo/gateway, which reads the environment, from sending telemetry. Call it before creating an ApolloGateway. */
export function disableApolloTelemetry(): void {
  process.env['APOLLO_TELEMETRY_DISABLED'] = 'true'
}
