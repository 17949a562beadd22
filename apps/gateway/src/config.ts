import { Common, demands, GatewaySecret, isSchemaOpen, JwksUrl, OpenSchema, readConfig } from '@halles/service/config'
import { Type, type Static } from 'typebox'

/** The services behind the gateway: each is a subgraph and some routes below /api. */
export const services = ['auth', 'product', 'order', 'notification'] as const
export type Service = (typeof services)[number]

const origin = 'https?://[^/?#,\\s]+'
const Origins = (service: string) =>
  Type.String({
    pattern: `^${origin}(,${origin})*$`,
    description: `${service}: http://host:port, without a path; several by commas`,
  })

const Settings = Type.Object({
  ...Common,
  ...JwksUrl,
  ...GatewaySecret,
  AUTH_URL: Origins('auth-service'),
  PRODUCT_URL: Origins('product-service'),
  ORDER_URL: Origins('order-service'),
  NOTIFICATION_URL: Origins('notification-service'),
  TRUSTED_PROXIES: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f.:/]+(,[0-9A-Fa-f.:/]+)*$',
      description: 'Proxies before this gateway that are believed in X-Forwarded-*: addresses and networks, by commas',
    }),
  ),
  MAILBOX_URL: Type.Optional(Type.String({ format: 'uri', description: 'A mailbox to link to from the front page' })),
  ...OpenSchema,
  CORS_ORIGINS: Type.Optional(
    Type.String({
      pattern: `^${origin}(,${origin})*$`,
      description: 'Other sites whose scripts may ask here: https://shop.example, several by commas',
    }),
  ),
  RATE_LIMIT: Type.Integer({
    minimum: 0,
    default: 60_000,
    description:
      'What a client may spend in a minute: a read costs 1, a write 5, a GraphQL operation its objects; 0: all',
  }),
  OPERATIONS_FILE: Type.Optional(
    Type.String({
      description: 'A file of operations that clients may name, by their ids, as `npm run persist` writes it',
    }),
  ),
  PERSISTED_ONLY: Type.Boolean({
    default: false,
    description: 'Whether only operations that the gateway knows are answered, by their documentId; no GraphiQL then',
  }),
  UPSTREAM_TIMEOUT_MS: Type.Integer({
    minimum: 50,
    maximum: 120_000,
    default: 10_000,
    description: 'How long a service may take to answer, in milliseconds',
  }),
  UPSTREAM_PATIENCE_MS: Type.Integer({
    minimum: 0,
    maximum: 60_000,
    default: 5000,
    description: 'How long after a service was first missed requests wait for it, in milliseconds',
  }),
})

export type Settings = Static<typeof Settings>

/** The gateway's settings; throws one Error that lists every mistake. */
export const configFrom = (env: NodeJS.ProcessEnv): Settings => readConfig(Settings, env, [demands.gatewaySecret])

/** Where each service is: at one address or several. */
export const urlsOf = (settings: Settings): Record<Service, string[]> => ({
  auth: settings.AUTH_URL.split(','),
  product: settings.PRODUCT_URL.split(','),
  order: settings.ORDER_URL.split(','),
  notification: settings.NOTIFICATION_URL.split(','),
})

/** Whether the schema may be asked for, with GraphiQL to do it: never with a list of operations. */
export const isGraphOpen = (settings: Settings): boolean => !settings.PERSISTED_ONLY && isSchemaOpen(settings)

/** Keeps @apollo/gateway, which reads the environment, from reporting to its maker. Call it before making one. */
export function withoutApolloTelemetry(): void {
  process.env['APOLLO_TELEMETRY_DISABLED'] = 'true'
}
