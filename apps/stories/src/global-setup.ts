import { startShop } from '@halles/dev-shop'
import type { ShopAddress } from '@halles/e2e/shop-client'
import type { TestProject } from 'vitest/node'
import { findChromium } from './chromium.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The shop that the stories share. Each story creates its own users and products in it. */
    storyShop: ShopAddress
    /** The servers that all stories share. */
    storyServers: { mongodb: string; smtp: string; mailbox: string }
  }
}

/**
 * Starts the shop with its storefront once for all stories, on the MongoDB and mailbox of this test run. Kafka is its own: other
 * projects run services of the same consumer groups.
 *
 * @returns stops the shop
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (findChromium() === undefined) {
    console.log(
      'The stories are skipped: there is no Chromium. Install it (Debian: apt install chromium), or set CHROMIUM.',
    )
    return async () => {}
  }
  const { mongodb, smtp, mailbox } = project.getProvidedContext()
  const shop = await startShop({
    existingServers: { mongodb, smtp, mailbox },
    storefront: true,
    env: { gateway: { PERSISTED_ONLY: 'true' } },
  })
  const { gateway, accounts } = shop.running
  project.provide('storyShop', { gateway, mailbox, admin: accounts.admin })
  project.provide('storyServers', { mongodb, smtp, mailbox })
  return shop.stop
}
