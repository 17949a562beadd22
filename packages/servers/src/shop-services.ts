import { databaseUrl } from './mongodb.ts'
import { exactPort, freePort } from './ports.ts'
import type { ServerName } from './server.ts'

export const serviceNames = ['auth', 'product', 'order', 'notification', 'gateway'] as const
export type ServiceName = (typeof serviceNames)[number]

/** Who may sign in to a shop that was just filled. The passwords are no secret: the shop listens on 127.0.0.1 only. */
export const demoAccounts = {
  admin: { email: 'admin@halles.example', password: 'halles-admin-demo' },
  customer: { email: 'camille@halles.example', password: 'halles-camille-demo' },
}

export type ShopPorts = Record<ServiceName | 'productGrpc', number>

/** What has to be up before a service can start, besides its build. */
export const needs: Record<ServiceName, readonly ServerName[]> = {
  auth: ['mongodb'],
  product: ['mongodb'],
  order: ['mongodb', 'kafka'],
  notification: ['mongodb', 'kafka', 'mailbox'],
  gateway: ['mailbox'],
}

/** The folder below apps/, which is also the name of the service in logs and traces. */
export function appOf(name: ServiceName): string {
  return name === 'gateway' ? 'gateway' : `${name}-service`
}

/**
 * The ports of the services.
 * @param gatewayPort the gateway has this one or the start fails
 * @param usual whether the usual ones are taken where they are free
 */
export async function choosePorts(gatewayPort: number | undefined, usual: boolean): Promise<ShopPorts> {
  const free = (port: number): Promise<number> => freePort(usual ? port : undefined)
  return {
    gateway: gatewayPort === undefined ? await free(4000) : await exactPort(gatewayPort),
    auth: await free(4001),
    product: await free(4002),
    order: await free(4003),
    notification: await free(4004),
    productGrpc: await free(4012),
  }
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

/** Where the servers are; those that a service needs are known when it starts. */
export type ServerAddresses = { mongodb?: string; kafka?: string; smtp?: string; mailbox?: string }

/** The environment of a service; what the user has set besides (OTEL_…, LOG_LEVEL, a service's own settings) stays. */
export function environmentOf(
  name: ServiceName,
  ports: ShopPorts,
  servers: ServerAddresses,
  inherited: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const { mongodb = '', kafka = '', smtp = '', mailbox } = servers
  const listen = { HOST: '127.0.0.1', PORT: String(ports[name]) }
  const jwks = { JWKS_URL: `${urlOf(ports.auth)}/.well-known/jwks.json` }
  const database = () => ({ MONGODB_URL: databaseUrl(mongodb, `halles_${name}`) })
  const own: Record<ServiceName, () => NodeJS.ProcessEnv> = {
    auth: () => ({
      ...database(),
      ADMIN_EMAIL: demoAccounts.admin.email,
      ADMIN_PASSWORD: demoAccounts.admin.password,
      DEMO_CUSTOMER_NAME: 'Camille',
      DEMO_CUSTOMER_EMAIL: demoAccounts.customer.email,
      DEMO_CUSTOMER_PASSWORD: demoAccounts.customer.password,
    }),
    product: () => ({ ...jwks, ...database(), GRPC_PORT: String(ports.productGrpc), DEMO_CATALOGUE: 'true' }),
    order: () => ({
      ...jwks,
      ...database(),
      KAFKA_BROKERS: kafka,
      PRODUCT_GRPC_URL: `127.0.0.1:${ports.productGrpc}`,
    }),
    notification: () => ({
      ...jwks,
      ...database(),
      KAFKA_BROKERS: kafka,
      SMTP_URL: smtp,
      MAIL_FROM: inherited['MAIL_FROM'] ?? 'Halles <commandes@halles.example>',
      SHOP_URL: urlOf(ports.gateway),
    }),
    gateway: () => ({
      ...jwks,
      AUTH_URL: urlOf(ports.auth),
      PRODUCT_URL: urlOf(ports.product),
      ORDER_URL: urlOf(ports.order),
      NOTIFICATION_URL: urlOf(ports.notification),
      ...(mailbox && { MAILBOX_URL: mailbox }),
    }),
  }
  return { LOG_LEVEL: 'info', ...inherited, ...listen, ...own[name]() }
}
