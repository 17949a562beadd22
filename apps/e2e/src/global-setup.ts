import { startShop, type Running } from '@halles/servers/shop'
import type { TestProject } from 'vitest/node'
import type { Address } from './kit.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The shop that all stories share; each makes its own people and products in it. */
    shop: Address & Pick<Running, 'services' | 'productGrpc'> & { logs: string }
  }
}

/**
 * Starts the built services, once for all stories, on the servers of this run. They have a Kafka of their own: the services
 * of other tests are in the same groups there, and would hear what is told to these.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { mongodb, smtp, mailbox } = project.getProvidedContext()
  const shop = await startShop({ given: { mongodb, smtp, mailbox } })
  project.provide('kafka', shop.running.kafka)
  const { gateway, services, productGrpc, accounts } = shop.running
  project.provide('shop', { gateway, mailbox, admin: accounts.admin, services, productGrpc, logs: shop.logs })
  return shop.stop
}
