import { startShop, type Shop } from '@halles/dev-shop'
import { createShopClient } from '@halles/e2e/shop-client'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit } from './browser.ts'
import { newAccount, register } from './people.ts'

describe.skipIf(!hasBrowser)('outages', () => {
  useBrowser()
  /** A shop of this file alone, since its services are killed. */
  let shop: Shop
  beforeAll(async () => {
    const { mongodb, smtp, mailbox } = inject('storyServers')
    shop = await startShop({ existingServers: { mongodb, smtp, mailbox }, storefront: true })
  })
  afterAll(() => shop.stop())

  it('an order is placed once although order-service is killed in the middle', async () => {
    const { gateway, mailbox, accounts } = shop.running
    const api = createShopClient({ gateway, mailbox, admin: accounts.admin })
    const product = await api.createProduct(await api.signInAdmin())
    const account = newAccount()
    const { page } = await visit(`${gateway}/products/${product.id}`, {}, [/50\d/])
    await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    await open(page, `${gateway}/register?next=%2Fbasket`)
    await register(page, account)
    const order = page.getByRole('button', { name: 'Commander', exact: true })
    await expect.poll(() => order.isEnabled()).toBe(true)
    const sent = page.waitForRequest((request) => request.postData()?.includes('PlaceOrder') === true)
    await order.click()
    await sent
    await shop.processes.order.kill('SIGKILL')
    await shop.processes.order.restart()
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor({ timeout: 90_000 })
    await page.goto(`${gateway}/orders`)
    await expect.poll(() => page.getByRole('link', { name: /Commande n°/ }).count()).toBe(1)
  })
})
