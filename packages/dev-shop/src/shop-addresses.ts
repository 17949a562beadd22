import {
  demoAccounts,
  publicPort,
  urlOf,
  type ServerAddresses,
  type ServiceName,
  type ShopPorts,
} from './shop-services.ts'

/**
 * The addresses and processes of a running shop; the content of `.data/running.json`. With several instances, the addresses of
 * gateway and auth-service are those of the load balancer, and the others are those of the first instance.
 */
export type ShopAddresses = {
  gateway: string
  /** The gateway's port for operators. The other services serve operators on their only port. */
  gatewayOperator: string
  services: Record<Exclude<ServiceName, 'gateway'>, string>
  /** host:port */
  productGrpc: string
  mongodb: string
  kafka: string
  smtp: string
  mailbox: string
  storefront: string
  accounts: typeof demoAccounts
  pids: Record<string, number>
}

/** Lists the addresses of a shop by the ports of its services and the addresses of its servers. */
export function shopAddresses(ports: ShopPorts, servers: ServerAddresses): Omit<ShopAddresses, 'pids'> {
  const { mongodb = '', kafka = '', smtp = '', mailbox = '' } = servers
  return {
    gateway: urlOf(publicPort(ports, 'gateway')),
    gatewayOperator: urlOf(ports.gatewayOperator),
    services: {
      auth: urlOf(publicPort(ports, 'auth')),
      product: urlOf(ports.product),
      order: urlOf(ports.order),
      notification: urlOf(ports.notification),
    },
    productGrpc: `127.0.0.1:${ports.productGrpc}`,
    mongodb,
    kafka,
    smtp,
    mailbox,
    storefront: `${urlOf(publicPort(ports, 'gateway'))}/`,
    accounts: demoAccounts,
  }
}
