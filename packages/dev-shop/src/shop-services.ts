import { randomBytes } from 'node:crypto'
import { databaseUrl, exactPort, freePort, type Addresses, type ServerName } from '@halles/test-servers'

export const serviceNames = ['auth', 'product', 'order', 'notification', 'gateway'] as const
export type ServiceName = (typeof serviceNames)[number]

/** The services that may run as several processes. */
export const scalableServices = ['order', 'notification'] as const satisfies ServiceName[]
export type ScalableService = (typeof scalableServices)[number]

/** The name of a process: `order`, and `order-2` for the second process of the service. */
export type ProcessName = ServiceName | `${ScalableService}-${number}`

/** A dependency of a process: a server, or an endpoint of another process. */
export type ShopDependency = ServerName | 'productGrpc' | Exclude<ProcessName, 'gateway'>

/** The accounts of a shop with demo data. The passwords are public, as the shop listens on 127.0.0.1 only. */
export const demoAccounts = {
  admin: { email: 'admin@halles.example', password: 'halles-admin-demo' },
  customer: { email: 'camille@halles.example', password: 'halles-camille-demo' },
}

export type ShopPorts = Record<ProcessName | 'productGrpc' | 'gatewayOperator', number>

/** The servers that must be ready before a service can start. */
export const requiredServers: Record<ServiceName, readonly ServerName[]> = {
  auth: ['mongodb', 'kafka'],
  product: ['mongodb'],
  order: ['mongodb', 'kafka'],
  notification: ['mongodb', 'kafka', 'mailbox'],
  gateway: ['mailbox'],
}

/** The names of the processes of a service, by the configured numbers of instances. */
export function processesOf(name: ServiceName, instances: Partial<Record<ScalableService, number>>): ProcessName[] {
  const count = isMultiplied(name) ? (instances[name] ?? 1) : 1
  return Array.from({ length: count }, (_, i) => (i === 0 ? name : (`${name}-${i + 1}` as ProcessName)))
}

function isMultiplied(name: ServiceName): name is ScalableService {
  return (scalableServices as readonly ServiceName[]).includes(name)
}

/** The service that a process belongs to. */
export function serviceOf(name: ProcessName): ServiceName {
  return name.replace(/-\d+$/, '') as ServiceName
}

/** The dependencies of a process. */
export function dependenciesOf(name: ProcessName, all: readonly ProcessName[]): ShopDependency[] {
  const dependencies: Record<ServiceName, () => ShopDependency[]> = {
    auth: () => ['mongodb', 'kafka'],
    product: () => ['mongodb', 'auth'],
    order: () => ['mongodb', 'kafka', 'productGrpc', 'auth'],
    notification: () => ['mongodb', 'kafka', 'mailbox', 'auth'],
    gateway: () => all.filter((other) => other !== 'gateway'),
  }
  return dependencies[serviceOf(name)]()
}

/** The name of the service's folder in apps/, which is also its name in logs and traces. */
export function appOf(name: ServiceName): string {
  return name === 'gateway' ? 'gateway' : `${name}-service`
}

/**
 * Chooses the ports of the services.
 * @param gatewayPort the port of the gateway; an error when it is taken
 * @param preferDefaults whether to use the default ports if they are free
 * @param further more processes that need a port
 */
export async function choosePorts(
  gatewayPort: number | undefined,
  preferDefaults: boolean,
  further: readonly `${ScalableService}-${number}`[] = [],
): Promise<ShopPorts> {
  const free = (port: number): Promise<number> => freePort(preferDefaults ? port : undefined)
  const ports = {
    gateway: gatewayPort === undefined ? await free(4000) : await exactPort(gatewayPort),
    auth: await free(4001),
    product: await free(4002),
    order: await free(4003),
    notification: await free(4004),
    productGrpc: await free(4012),
    gatewayOperator: await free(4010),
  }
  const furtherPorts = await Promise.all(further.map(async (name) => [name, await freePort()] as const))
  return Object.assign(ports, Object.fromEntries(furtherPorts))
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

/** The addresses of the servers. Those that a service requires are set before it starts. */
export type ServerAddresses = Pick<Addresses, 'mongodb' | 'kafka' | 'smtp' | 'mailbox'>

/** The addresses that a process is configured with. */
export type ProcessAddresses = {
  ports: ShopPorts
  servers: ServerAddresses
  /** All processes of the shop. The gateway gets a comma-separated list for each service. */
  all: readonly ProcessName[]
  /** The `host:port` of the proxies in front of dependencies of this process. */
  proxies: ReadonlyMap<ShopDependency, string>
}

/** The secret by which the gateway authenticates itself to services, in all shops of this process. */
const GATEWAY_SECRET = randomBytes(24).toString('base64url')

/** The key that encrypts the links in account e-mails, in all shops of this process. */
const ACCOUNT_LINK_SECRET = randomBytes(24).toString('base64url')

/** The environment of a process. Other variables that the user has set (OTEL_…, LOG_LEVEL, service settings) are kept. */
export function environmentOf(
  name: ProcessName,
  { ports, servers, all, proxies }: ProcessAddresses,
  inherited: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const { mongodb = '', kafka = '', smtp = '', mailbox } = servers
  const service = serviceOf(name)
  const http = (to: Exclude<ProcessName, 'gateway'>): string => `http://${proxies.get(to) ?? `127.0.0.1:${ports[to]}`}`
  const listen = { HOST: '127.0.0.1', PORT: String(ports[name]) }
  const jwks = () => ({ JWKS_URL: `${http('auth')}/.well-known/jwks.json` })
  const database = () => ({ MONGODB_URL: databaseUrl(viaProxy(mongodb, proxies.get('mongodb')), `halles_${service}`) })
  const brokers = () => ({ KAFKA_BROKERS: proxies.get('kafka') ?? kafka })
  /** The URLs of all processes of a service, separated by commas. */
  const urlsOf = (wanted: Exclude<ServiceName, 'gateway'>): string =>
    all
      .filter((one): one is Exclude<ProcessName, 'gateway'> => serviceOf(one) === wanted)
      .map(http)
      .join(',')
  const settings: Record<ServiceName, () => NodeJS.ProcessEnv> = {
    auth: () => ({
      ...database(),
      ...brokers(),
      GATEWAY_SECRET,
      ACCOUNT_LINK_SECRET,
      // All clients share one address here: a test registers hundreds of accounts in a minute.
      THROTTLING_SCALE: inherited['THROTTLING_SCALE'] ?? '10000',
      ADMIN_EMAIL: demoAccounts.admin.email,
      ADMIN_PASSWORD: demoAccounts.admin.password,
      DEMO_CUSTOMER_NAME: 'Camille',
      DEMO_CUSTOMER_EMAIL: demoAccounts.customer.email,
      DEMO_CUSTOMER_PASSWORD: demoAccounts.customer.password,
    }),
    product: () => ({ ...jwks(), ...database(), GRPC_PORT: String(ports.productGrpc), DEMO_CATALOGUE: 'true' }),
    order: () => ({
      ...jwks(),
      ...database(),
      ...brokers(),
      PRODUCT_GRPC_URL: proxies.get('productGrpc') ?? `127.0.0.1:${ports.productGrpc}`,
    }),
    notification: () => ({
      ...jwks(),
      ...database(),
      ...brokers(),
      ACCOUNT_LINK_SECRET,
      SMTP_URL: viaProxy(smtp, proxies.get('mailbox')),
      MAIL_FROM: inherited['MAIL_FROM'] ?? 'Halles <commandes@halles.example>',
      SHOP_URL: urlOf(ports.gateway),
    }),
    gateway: () => ({
      OPERATOR_PORT: String(ports.gatewayOperator),
      GATEWAY_SECRET,
      // Benchmarks and tests send all requests from one address; `npm start` sets limits (tools/start.ts).
      RATE_LIMIT: inherited['RATE_LIMIT'] ?? '0',
      MAX_OPEN_REQUESTS: inherited['MAX_OPEN_REQUESTS'] ?? '0',
      ...jwks(),
      AUTH_URL: urlsOf('auth'),
      PRODUCT_URL: urlsOf('product'),
      ORDER_URL: urlsOf('order'),
      NOTIFICATION_URL: urlsOf('notification'),
      ...(mailbox && { MAILBOX_URL: mailbox }),
    }),
  }
  return { LOG_LEVEL: 'info', ...inherited, ...listen, ...settings[service]() }
}

/**
 * Replaces the `host:port` in a server's URL by that of a proxy. The connection to a replica set is then direct, as
 * topology discovery would return the member's own address.
 */
function viaProxy(url: string, proxy: string | undefined): string {
  if (proxy === undefined) return url
  if (url.startsWith('mongodb')) return `mongodb://${proxy}/?directConnection=true`
  return url.replace(/^(\w+:\/\/(?:[^@/]*@)?)[^/?]+/, `$1${proxy}`)
}
