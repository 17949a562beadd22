import { randomBytes } from 'node:crypto'
import { databaseUrl } from './mongodb.ts'
import { exactPort, freePort } from './ports.ts'
import type { Addresses, ServerName } from './server.ts'

export const serviceNames = ['auth', 'product', 'order', 'notification', 'gateway'] as const
export type ServiceName = (typeof serviceNames)[number]

/** Services of which there may be several processes. */
export const multiplied = ['order', 'notification'] as const satisfies ServiceName[]
export type Multiplied = (typeof multiplied)[number]

/** A process of a service: `order`, and `order-2` beside it. */
export type ProcessName = ServiceName | `${Multiplied}-${number}`

/** What a process connects to: a server, or a door of another process. */
export type Neighbour = ServerName | 'productGrpc' | Exclude<ProcessName, 'gateway'>

/** Who may sign in to a shop that was just filled. The passwords are no secret: the shop listens on 127.0.0.1 only. */
export const demoAccounts = {
  admin: { email: 'admin@halles.example', password: 'halles-admin-demo' },
  customer: { email: 'camille@halles.example', password: 'halles-camille-demo' },
}

export type ShopPorts = Record<ProcessName | 'productGrpc' | 'gatewayOperator', number>

/** What has to be up before a service can start, besides its build. */
export const needs: Record<ServiceName, readonly ServerName[]> = {
  auth: ['mongodb', 'kafka'],
  product: ['mongodb'],
  order: ['mongodb', 'kafka'],
  notification: ['mongodb', 'kafka', 'mailbox'],
  gateway: ['mailbox'],
}

/** The processes of a service, by how many there are to be of it. */
export function processesOf(name: ServiceName, instances: Partial<Record<Multiplied, number>>): ProcessName[] {
  const count = isMultiplied(name) ? (instances[name] ?? 1) : 1
  return Array.from({ length: count }, (_, i) => (i === 0 ? name : (`${name}-${i + 1}` as ProcessName)))
}

function isMultiplied(name: ServiceName): name is Multiplied {
  return (multiplied as readonly ServiceName[]).includes(name)
}

/** The service that a process is of. */
export function serviceOf(name: ProcessName): ServiceName {
  return name.replace(/-\d+$/, '') as ServiceName
}

/** What a process connects to. */
export function neighboursOf(name: ProcessName, all: readonly ProcessName[]): Neighbour[] {
  const own: Record<ServiceName, () => Neighbour[]> = {
    auth: () => ['mongodb', 'kafka'],
    product: () => ['mongodb', 'auth'],
    order: () => ['mongodb', 'kafka', 'productGrpc', 'auth'],
    notification: () => ['mongodb', 'kafka', 'mailbox', 'auth'],
    gateway: () => all.filter((other) => other !== 'gateway'),
  }
  return own[serviceOf(name)]()
}

/** The folder below apps/, which is also the name of the service in logs and traces. */
export function appOf(name: ServiceName): string {
  return name === 'gateway' ? 'gateway' : `${name}-service`
}

/**
 * The ports of the services.
 * @param gatewayPort the gateway has this one or the start fails
 * @param usual whether the usual ones are taken where they are free
 * @param more further processes that need one
 */
export async function choosePorts(
  gatewayPort: number | undefined,
  usual: boolean,
  more: readonly `${Multiplied}-${number}`[] = [],
): Promise<ShopPorts> {
  const free = (port: number): Promise<number> => freePort(usual ? port : undefined)
  const ports = {
    gateway: gatewayPort === undefined ? await free(4000) : await exactPort(gatewayPort),
    auth: await free(4001),
    product: await free(4002),
    order: await free(4003),
    notification: await free(4004),
    productGrpc: await free(4012),
    gatewayOperator: await free(4010),
  }
  const others = await Promise.all(more.map(async (name) => [name, await freePort()] as const))
  return Object.assign(ports, Object.fromEntries(others))
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

/** Where the servers are; those that a service needs are known when it starts. */
export type ServerAddresses = Pick<Addresses, 'mongodb' | 'kafka' | 'smtp' | 'mailbox'>

/** Where a process finds things. */
export type Surroundings = {
  ports: ShopPorts
  servers: ServerAddresses
  /** The processes of a service that is asked over HTTP, those of the gateway by commas. */
  all: readonly ProcessName[]
  /** The `host:port` that this process is to find a neighbour at instead, because something was put in between. */
  detours: ReadonlyMap<Neighbour, string>
}

/** What the gateway proves itself with in the shops of this process. */
const GATEWAY_SECRET = randomBytes(24).toString('base64url')

/** What the links in letters about accounts are sealed with in the shops of this process. */
const ACCOUNT_LINK_SECRET = randomBytes(24).toString('base64url')

/** The environment of a process; what the user has set besides (OTEL_…, LOG_LEVEL, a service's own settings) stays. */
export function environmentOf(
  name: ProcessName,
  { ports, servers, all, detours }: Surroundings,
  inherited: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const { mongodb = '', kafka = '', smtp = '', mailbox } = servers
  const service = serviceOf(name)
  const http = (to: Exclude<ProcessName, 'gateway'>): string => `http://${detours.get(to) ?? `127.0.0.1:${ports[to]}`}`
  const listen = { HOST: '127.0.0.1', PORT: String(ports[name]) }
  const jwks = () => ({ JWKS_URL: `${http('auth')}/.well-known/jwks.json` })
  const database = () => ({ MONGODB_URL: databaseUrl(around(mongodb, detours.get('mongodb')), `halles_${service}`) })
  const brokers = () => ({ KAFKA_BROKERS: detours.get('kafka') ?? kafka })
  /** All processes of a service, by commas. */
  const each = (wanted: Exclude<ServiceName, 'gateway'>): string =>
    all
      .filter((one): one is Exclude<ProcessName, 'gateway'> => serviceOf(one) === wanted)
      .map(http)
      .join(',')
  const own: Record<ServiceName, () => NodeJS.ProcessEnv> = {
    auth: () => ({
      ...database(),
      ...brokers(),
      GATEWAY_SECRET,
      ACCOUNT_LINK_SECRET,
      // Everyone here comes from one address: hundreds of them sign up in a minute of a test.
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
      PRODUCT_GRPC_URL: detours.get('productGrpc') ?? `127.0.0.1:${ports.productGrpc}`,
    }),
    notification: () => ({
      ...jwks(),
      ...database(),
      ...brokers(),
      ACCOUNT_LINK_SECRET,
      SMTP_URL: around(smtp, detours.get('mailbox')),
      MAIL_FROM: inherited['MAIL_FROM'] ?? 'Halles <commandes@halles.example>',
      SHOP_URL: urlOf(ports.gateway),
    }),
    gateway: () => ({
      OPERATOR_PORT: String(ports.gatewayOperator),
      GATEWAY_SECRET,
      // Benchmarks, tests and tortures ask from one address.
      RATE_LIMIT: inherited['RATE_LIMIT'] ?? '0',
      ...jwks(),
      AUTH_URL: each('auth'),
      PRODUCT_URL: each('product'),
      ORDER_URL: each('order'),
      NOTIFICATION_URL: each('notification'),
      ...(mailbox && { MAILBOX_URL: mailbox }),
    }),
  }
  return { LOG_LEVEL: 'info', ...inherited, ...listen, ...own[service]() }
}

/**
 * A server's URL with another `host:port` in it. A replica set is spoken to directly then: it would tell its own address
 * to whoever looks for its members.
 */
function around(url: string, detour: string | undefined): string {
  if (detour === undefined) return url
  if (url.startsWith('mongodb')) return `mongodb://${detour}/?directConnection=true`
  return url.replace(/^(\w+:\/\/(?:[^@/]*@)?)[^/?]+/, `$1${detour}`)
}
