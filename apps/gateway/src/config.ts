import { Common, JwksUrl, readConfig } from '@halles/service/config'
import { Type, type Static } from 'typebox'

/** The services behind the gateway: each is a subgraph and some routes below /api. */
export const services = ['auth', 'product', 'order', 'notification'] as const
export type Service = (typeof services)[number]

const Origin = (description: string) => Type.String({ pattern: '^https?://[^/?#\\s]+$', description })

const Settings = Type.Object({
  ...Common,
  ...JwksUrl,
  AUTH_URL: Origin('auth-service: http://host:port, without a path'),
  PRODUCT_URL: Origin('product-service: http://host:port, without a path'),
  ORDER_URL: Origin('order-service: http://host:port, without a path'),
  NOTIFICATION_URL: Origin('notification-service: http://host:port, without a path'),
  MAILBOX_URL: Type.Optional(Type.String({ format: 'uri', description: 'A mailbox to link to from the front page' })),
  PERSISTED_ONLY: Type.Boolean({
    default: false,
    description: 'Whether only the operations in operations/ are answered, by their documentId; without GraphiQL then',
  }),
  UPSTREAM_TIMEOUT_MS: Type.Integer({
    minimum: 50,
    maximum: 120_000,
    default: 10_000,
    description: 'How long a service may take to answer, in milliseconds',
  }),
})

export type Settings = Static<typeof Settings>

/** The gateway's settings; throws one Error that lists every mistake. */
export const configFrom = (env: NodeJS.ProcessEnv): Settings => readConfig(Settings, env)

/** Where each service is. */
export const urlsOf = (settings: Settings): Record<Service, string> => ({
  auth: settings.AUTH_URL,
  product: settings.PRODUCT_URL,
  order: settings.ORDER_URL,
  notification: settings.NOTIFICATION_URL,
})

/** Keeps @apollo/gateway, which reads the environment, from reporting to its maker. Call it before making one. */
export function withoutApolloTelemetry(): void {
  process.env['APOLLO_TELEMETRY_DISABLED'] = 'true'
}
