import { startShop } from '@halles/servers/shop'
import type { TestProject } from 'vitest/node'
import type { Address } from './kit.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The shop that all stories share; each makes its own people and products in it. */
    shop: Address & { productGrpc: string; logs: string }
  }
}

/** Starts the built services, once for all stories, on the servers of this run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { mongodb, kafka, smtp, mailbox } = project.getProvidedContext()
  const shop = await startShop({ given: { mongodb, kafka, smtp, mailbox } })
  const { gateway, productGrpc, accounts } = shop.running
  project.provide('shop', { gateway, mailbox, admin: accounts.admin, productGrpc, logs: shop.logs })
  return shop.stop
}
