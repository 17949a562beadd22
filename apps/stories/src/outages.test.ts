import { startShop, type Shop } from '@halles/dev-shop'
import { createShopClient } from '@halles/e2e/shop-client'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit } from './browser.ts'
import { newAccount, register, signIn } from './people.ts'

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

  it("an order's page goes on to show changes after the gateway was killed", async () => {
    const { gateway, mailbox, accounts } = shop.running
    const api = createShopClient({ gateway, mailbox, admin: accounts.admin })
    const admin = await api.signInAdmin()
    const product = await api.createProduct(admin)
    const account = newAccount()
    const { body: session } = await api.anonymous.rest('POST', '/register', account)
    const authorization = `Bearer ${session.accessToken}`
    const items = [{ productId: product.id, quantity: 1 }]
    const { body: order } = await api.anonymous.rest('POST', '/orders', { items }, { authorization })
    const path = `${gateway}/orders/${order.id}`
    const { page } = await visit(`${gateway}/sign-in?next=${encodeURIComponent(`/orders/${order.id}`)}`, {}, [
      /ERR_|50\d/,
    ])
    const isFollowing = page.waitForResponse((response) =>
      (response.headers()['content-type'] ?? '').startsWith('text/event-stream'),
    )
    await signIn(page, account)
    await page.waitForURL(path)
    await isFollowing
    await shop.processes.gateway.kill('SIGKILL')
    await shop.processes.gateway.restart()
    await admin.rest('PUT', `/orders/${order.id}/status`, { status: 'Confirmée' })
    await page.locator('[aria-live]').getByText('Confirmée').waitFor()
  })
})
