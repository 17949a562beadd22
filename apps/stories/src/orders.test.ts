import { describe, expect, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit } from './browser.ts'
import { linkOf, newAccount, register, shopApi, signIn, waitForEmail } from './people.ts'

describe.skipIf(!hasBrowser)('orders', () => {
  useBrowser()

  it("an order's page shows a change of status by the staff at once, without a reload and without asking for it", async () => {
    const api = shopApi()
    const admin = await api.signInAdmin()
    const product = await api.createProduct(admin)
    const account = newAccount()
    const { page } = await visit(`/products/${product.id}`)
    await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    await open(page, '/register?next=%2Fbasket')
    await register(page, account)
    await page.getByRole('button', { name: 'Commander', exact: true }).click()
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
    const id = new URL(page.url()).pathname.split('/').at(-1)!
    const emails = page.getByRole('region', { name: 'E-mails' })
    for (const [n, status] of ['Confirmée', 'Préparée', 'Livrée'].entries()) {
      await admin.rest('PUT', `/orders/${id}/status`, { status })
      // Within 2 s; the rest is for a busy machine, and shorter than the page would take to ask.
      await page.locator('[aria-live]').getByText(status).waitFor({ timeout: 6000 })
      await emails
        .getByRole('listitem')
        .nth(n + 1)
        .waitFor()
    }
  })

  it('the link of an e-mail leads to the order, after signing in, where it can be cancelled', async () => {
    const api = shopApi()
    const product = await api.createProduct(await api.signInAdmin(), { stock: 3 })
    const account = newAccount()
    const { body: session } = await api.anonymous.rest('POST', '/register', account)
    const items = [{ productId: product.id, quantity: 3 }]
    await api.anonymous.rest('POST', '/orders', { items }, { authorization: `Bearer ${session.accessToken}` })

    const { page } = await visit(linkOf(await waitForEmail(account.email, /a été reçue/)))
    await signIn(page, account)
    await page.getByRole('button', { name: 'Annuler la commande' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Annuler la commande' }).click()
    await page.locator('[aria-live]').getByText('Annulée').waitFor()
    await expect.poll(async () => (await api.anonymous.rest('GET', `/products/${product.id}`)).body.stock).toBe(3)

    await page.getByRole('button', { name: 'Commander à nouveau' }).click()
    await page.getByRole('button', { name: 'Commander', exact: true }).click()
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
    await open(page, '/orders')
    await expect.poll(() => page.getByRole('link', { name: /Commande n°/ }).count()).toBe(2)
  })

  it("another customer's order is not found", async () => {
    const api = shopApi()
    const product = await api.createProduct(await api.signInAdmin())
    const owner = await api.createCustomer()
    const { body: order } = await owner.rest('POST', '/orders', { items: [{ productId: product.id, quantity: 1 }] })
    const { page } = await visit(`/register?next=${encodeURIComponent(`/orders/${order.id}`)}`)
    await register(page, newAccount())
    await page.getByRole('heading', { name: 'Cette commande est introuvable' }).waitFor()
  })
})
