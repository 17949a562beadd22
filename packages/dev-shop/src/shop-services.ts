import { randomBytes } from 'node:crypto'
import { databaseUrl, exactPort, freePort, type Addresses, type ServerName } from '@halles/test-servers'

export const serviceNames = ['auth', 'product', 'order', 'notification', 'gateway'] as const
export type ServiceName = (typeof serviceNames)[number]

/** The name of a process: `order`, and `order-2` for the second process of the service. */
export type ProcessName = ServiceName | `${ServiceName}-${number}`

/** How many processes each service has, 1 by default; a number is that of every service. */
export type Instances = number | Partial<Record<ServiceName, number>>

/** A dependency of a process: a server, or an endpoint of another process. `kafka-2` is the second broker of a cluster. */
export type ShopDependency =
  | ServerName
  | `kafka-${number}`
  | 'productGrpc'
  | `productGrpc-${number}`
  | Exclude<ProcessName, 'gateway' | `gateway-${number}`>

/** The accounts of a shop with demo data. The passwords are public, as the shop listens on 127.0.0.1 only. */
export const demoAccounts = {
  admin: { email: 'admin@halles.example', password: 'halles-admin-demo' },
  customer: { email: 'camille@halles.example', password: 'halles-camille-demo' },
}

/**
 * The services that need one address for all their processes, which HAProxy has: clients know one gateway, and services have
 * one JWKS_URL. The gateway and order-service know the addresses of all processes of the others.
 */
const balancedServices = ['gateway', 'auth'] as const satisfies ServiceName[]
export type BalancedService = (typeof balancedServices)[number]

type PortName = ProcessName | 'productGrpc' | `productGrpc-${number}` | 'gatewayOperator' | `gatewayOperator-${number}`

export type ShopPorts = Record<PortName, number> & {
  /** The ports of the load balancer, for the services with several processes. */
  balanced: Partial<Record<BalancedService, number>>
}

/** The servers that must be ready before a service can start. */
export const requiredServers: Record<ServiceName, readonly ServerName[]> = {
  auth: ['mongodb', 'kafka'],
  product: ['mongodb'],
  order: ['mongodb', 'kafka'],
  notification: ['mongodb', 'kafka', 'mailbox'],
  gateway: ['mailbox'],
}

/** The names of the processes of a service, by the configured numbers of instances. */
export function processesOf(name: ServiceName, instances: Instances): ProcessName[] {
  const count = (typeof instances === 'number' ? instances : instances[name]) ?? 1
  return Array.from({ length: count }, (_, i) => (i === 0 ? name : (`${name}-${i + 1}` as const)))
}

/** The services that get an address at the load balancer. */
export const balancedOf = (all: readonly ProcessName[]): BalancedService[] =>
  balancedServices.filter((service) => all.some((name) => name !== service && serviceOf(name) === service))

/** The service that a process belongs to. */
export function serviceOf(name: ProcessName): ServiceName {
  return name.replace(/-\d+$/, '') as ServiceName
}

/** The name of an endpoint that each process of a service has: `productGrpc-2` is that of `product-2`. */
function endpointOf<E extends 'productGrpc' | 'gatewayOperator'>(endpoint: E, name: ProcessName): E | `${E}-${number}` {
  return `${endpoint}${name.slice(serviceOf(name).length)}` as E
}

/** The port of /readyz of a process. */
export const readinessPort = (ports: ShopPorts, name: ProcessName): number =>
  ports[serviceOf(name) === 'gateway' ? endpointOf('gatewayOperator', name) : name]!

/** The names of the brokers: `kafka`, `kafka-2`, … */
export const brokerNames = (brokers: number): ('kafka' | `kafka-${number}`)[] =>
  Array.from({ length: brokers }, (_, i) => (i === 0 ? 'kafka' : (`kafka-${i + 1}` as const)))

/** The dependencies of a process, by the names of all processes and the number of brokers. */
export function dependenciesOf(name: ProcessName, all: readonly ProcessName[], brokers: number): ShopDependency[] {
  const kafka = brokerNames(brokers)
  const grpc = all.filter((other) => serviceOf(other) === 'product').map((other) => endpointOf('productGrpc', other))
  const dependencies: Record<ServiceName, () => ShopDependency[]> = {
    auth: () => ['mongodb', ...kafka],
    product: () => ['mongodb', 'auth'],
    order: () => ['mongodb', ...kafka, ...grpc, 'auth'],
    notification: () => ['mongodb', ...kafka, 'mailbox', 'auth'],
    gateway: () => all.filter((other) => serviceOf(other) !== 'gateway') as ShopDependency[],
  }
  return dependencies[serviceOf(name)]()
}

/** The name of the service's folder in apps/, which is also its name in logs and traces. */
export function appOf(name: ServiceName): string {
  return name === 'gateway' ? 'gateway' : `${name}-service`
}

const defaultPorts = {
  gateway: 4000,
  auth: 4001,
  product: 4002,
  order: 4003,
  notification: 4004,
  gatewayOperator: 4010,
  productGrpc: 4012,
}

/**
 * Chooses the ports of the services.
 * @param gatewayPort the port of the gateway for clients; an error when it is taken
 * @param preferDefaults whether to use the default ports if they are free
 * @param all the names of all processes
 */
export async function choosePorts(
  gatewayPort: number | undefined,
  preferDefaults: boolean,
  all: readonly ProcessName[],
): Promise<ShopPorts> {
  const choose = (name: string): Promise<number> =>
    freePort(preferDefaults ? defaultPorts[name as keyof typeof defaultPorts] : undefined)
  const ports: { [name in PortName]?: number } = {}
  const balanced: Partial<Record<BalancedService, number>> = {}
  for (const service of balancedOf(all))
    balanced[service] =
      service === 'gateway' && gatewayPort !== undefined ? await exactPort(gatewayPort) : await choose(service)
  for (const name of all) {
    const service = serviceOf(name)
    const isBalanced = service in balanced // then the load balancer has the port that clients know
    const exact = name === 'gateway' && !isBalanced ? gatewayPort : undefined
    ports[name] = exact === undefined ? await choose(isBalanced ? '' : name) : await exactPort(exact)
    if (service === 'product') ports[endpointOf('productGrpc', name)] = await choose(endpointOf('productGrpc', name))
    if (service === 'gateway')
      ports[endpointOf('gatewayOperator', name)] = await choose(endpointOf('gatewayOperator', name))
  }
  return { ...(ports as Record<PortName, number>), balanced }
}

/** The port of a service for its clients: that of the load balancer, if it has one. */
export const publicPort = (ports: ShopPorts, service: ServiceName): number =>
  (ports.balanced as Partial<Record<ServiceName, number>>)[service] ?? ports[service]

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
  const address = (to: ShopDependency): string => proxies.get(to) ?? `127.0.0.1:${ports[to as ProcessName]}`
  const processesOfService = (wanted: ServiceName): ProcessName[] => all.filter((one) => serviceOf(one) === wanted)
  const listen = { HOST: '127.0.0.1', PORT: String(ports[name]) }
  const jwks = () => {
    // The gateway, which knows every auth-service, has a proxy in front of each; the others have one in front of all.
    const proxy = service === 'gateway' && ports.balanced.auth !== undefined ? undefined : proxies.get('auth')
    return { JWKS_URL: `http://${proxy ?? `127.0.0.1:${publicPort(ports, 'auth')}`}/.well-known/jwks.json` }
  }
  const database = () => ({ MONGODB_URL: databaseUrl(viaProxy(mongodb, proxies.get('mongodb')), `halles_${service}`) })
  const brokers = () => {
    const viaProxies = [...proxies].filter(([to]) => /^kafka(-\d+)?$/.test(to)).map(([, proxy]) => proxy)
    return { KAFKA_BROKERS: viaProxies.length > 0 ? viaProxies.join(',') : kafka }
  }
  /** The URLs of all processes of a service, separated by commas. */
  const urlsOf = (wanted: Exclude<ServiceName, 'gateway'>): string =>
    processesOfService(wanted)
      .map((one) => `http://${address(one as ShopDependency)}`)
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
    product: () => ({
      ...jwks(),
      ...database(),
      GRPC_PORT: String(ports[endpointOf('productGrpc', name)]),
      DEMO_CATALOGUE: 'true',
    }),
    order: () => ({
      ...jwks(),
      ...database(),
      ...brokers(),
      PRODUCT_GRPC_URL: processesOfService('product')
        .map((one) => address(endpointOf('productGrpc', one)))
        .join(','),
    }),
    notification: () => ({
      ...jwks(),
      ...database(),
      ...brokers(),
      ACCOUNT_LINK_SECRET,
      SMTP_URL: viaProxy(smtp, proxies.get('mailbox')),
      MAIL_FROM: inherited['MAIL_FROM'] ?? 'Halles <commandes@halles.example>',
      SHOP_URL: urlOf(publicPort(ports, 'gateway')),
    }),
    gateway: () => ({
      OPERATOR_PORT: String(ports[endpointOf('gatewayOperator', name)]),
      ...(ports.balanced.gateway !== undefined && { TRUSTED_PROXIES: '127.0.0.1' }),
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

/** Whether the URL names several members of a replica set. */
export const isReplicaSet = (mongodb: string): boolean => /^mongodb:\/\/[^/?]*,/.test(mongodb)

/**
 * Replaces the `host:port` in a server's URL by that of a proxy. The connection to a replica set of one member is then
 * direct, as topology discovery would return the member's own address. One to several members uses the proxy as a SOCKS5
 * proxy, which connects to whatever members the driver discovers.
 */
function viaProxy(url: string, proxy: string | undefined): string {
  if (proxy === undefined) return url
  if (isReplicaSet(url)) {
    const [host, port] = proxy.split(':')
    return `${url}&proxyHost=${host}&proxyPort=${port}`
  }
  if (url.startsWith('mongodb')) return `mongodb://${proxy}/?directConnection=true`
  return url.replace(/^(\w+:\/\/(?:[^@/]*@)?)[^/?]+/, `$1${proxy}`)
}
