import { startShop, type ShopAddresses } from '@halles/dev-shop'
import type { TestProject } from 'vitest/node'
import type { ShopAddress } from './shop-client.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The shop that the stories share. Each story creates its own users and products in it. */
    shop: ShopAddress & Pick<ShopAddresses, 'services' | 'productGrpc'> & { logs: string }
  }
}

/**
 * Starts the built services once for all stories, on the MongoDB and mailbox of this test run. They get a Kafka of their
 * own: other projects run services of the same consumer groups, which would consume the events of these.
 *
 * @returns stops the services
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { mongodb, smtp, mailbox } = project.getProvidedContext()
  const shop = await startShop({ existingServers: { mongodb, smtp, mailbox } })
  project.provide('kafka', shop.running.kafka)
  const { gateway, services, productGrpc, accounts } = shop.running
  project.provide('shop', { gateway, mailbox, admin: accounts.admin, services, productGrpc, logs: shop.logs })
  return shop.stop
}
