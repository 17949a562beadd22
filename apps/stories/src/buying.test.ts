import { describe, expect, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit } from './browser.ts'
import { newAccount, ordersOf, register, shopApi, waitForEmail } from './people.ts'

describe.skipIf(!hasBrowser)('buying', () => {
  useBrowser()

  it('a new customer finds a product by typing, registers on the way, orders it, and gets the e-mail', async () => {
    const admin = await shopApi().signInAdmin()
    const product = await shopApi().createProduct(admin, { price: 12.9, stock: 20 })
    const account = newAccount()
    const { page } = await visit('/')

    await page.getByRole('searchbox').pressSequentially(product.name)
    await page.getByRole('heading', { level: 1, name: product.name }).waitFor()
    await page.getByRole('link', { name: product.name }).click()
    await page.getByRole('button', { name: 'Ajouter un', exact: true }).click()
    await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    await page.getByRole('link', { name: 'Voir le panier' }).click()
    await page.getByText('25,80 €').first().waitFor()
    await page.getByRole('link', { name: 'Se connecter et commander' }).click()
    await page.getByRole('link', { name: 'Créer un compte' }).click()
    await register(page, account)

    await page.getByRole('button', { name: 'Commander', exact: true }).click()
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
    expect(await ordersOf(account)).toMatchObject([{ status: 'Reçue', total: 25.8 }])
    const email = await waitForEmail(account.email, /a été reçue/)
    expect(email.text).toContain(new URL(page.url()).pathname)
    await page.getByText(email.subject).waitFor()
    expect(await page.getByRole('link', { name: 'Panier, vide' }).isVisible()).toBe(true)
  })

  it('a double click on the order button places one order', async () => {
    const admin = await shopApi().signInAdmin()
    const product = await shopApi().createProduct(admin, { stock: 20 })
    const account = newAccount()
    const { page } = await visit(`/products/${product.id}`)
    await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    await open(page, '/register?next=%2Fbasket')
    await register(page, account)
    await page.getByRole('button', { name: 'Commander', exact: true }).dblclick()
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
    expect(await ordersOf(account)).toHaveLength(1)
  })

  it('a product that is sold out meanwhile is named, with what can be had, and the rest can be ordered', async () => {
    const admin = await shopApi().signInAdmin()
    const [scarce, gone] = [
      await shopApi().createProduct(admin, { stock: 5, price: 10 }),
      await shopApi().createProduct(admin, { stock: 5, price: 20 }),
    ]
    const account = newAccount()
    // The API refuses the order: the browser logs the status of that answer.
    const { page } = await visit('/register', {}, [/409/])
    await register(page, account)
    await page.getByRole('button', { name: /^Mon compte/ }).waitFor()
    for (const { id } of [scarce, gone]) {
      await open(page, `/products/${id}`)
      await page.getByLabel('Quantité').getByRole('textbox').fill('4')
      await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    }
    await page.getByRole('link', { name: 'Voir le panier' }).click()
    const order = page.getByRole('button', { name: 'Commander', exact: true })
    await expect.poll(() => order.isEnabled()).toBe(true)

    // Others buy while the basket is open.
    await admin.rest('POST', `/products/${scarce.id}/stock`, { delta: -3, reason: 'sold elsewhere' })
    await admin.rest('DELETE', `/products/${gone.id}`)
    await order.click()
    await page.getByText('Il n’y en a plus assez').waitFor()
    await page.getByRole('button', { name: 'En prendre 2' }).click()
    await page
      .getByRole('button', { name: /Retirer .* du panier/ })
      .nth(1)
      .click()
    await order.click()
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
    expect(await ordersOf(account)).toMatchObject([{ total: 20 }])
  })

  it('a price that changed meanwhile is shown before anything is ordered', async () => {
    const admin = await shopApi().signInAdmin()
    const product = await shopApi().createProduct(admin, { price: 10 })
    const account = newAccount()
    const { page } = await visit(`/products/${product.id}`, {}, [/409/])
    await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    await open(page, '/register?next=%2Fbasket')
    await register(page, account)
    const order = page.getByRole('button', { name: 'Commander', exact: true })
    await expect.poll(() => order.isEnabled()).toBe(true)
    await admin.rest('PUT', `/products/${product.id}`, { name: product.name, category: 'Fromagerie', price: 11.5 })
    await order.click()
    await page.getByText('Des prix ont changé').waitFor()
    await page.getByText('Le prix est passé de 10,00 € à 11,50 €.').waitFor()
    expect(await ordersOf(account)).toEqual([])
    await order.click()
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
    expect(await ordersOf(account)).toMatchObject([{ total: 11.5 }])
  })

  it('an order whose answer is lost is asked for again, also after a reload, and is placed once', async () => {
    const admin = await shopApi().signInAdmin()
    const product = await shopApi().createProduct(admin)
    const account = newAccount()
    const { page } = await visit(`/products/${product.id}`, {}, [
      /ERR_CONNECTION_RESET|ERR_FAILED/,
      /Failed to load resource/,
    ])
    await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    await open(page, '/register?next=%2Fbasket')
    await register(page, account)
    // The order reaches the shop, but its answer does not reach the browser.
    await page.route('**/graphql', async (route) => {
      if (!route.request().postData()?.includes('PlaceOrder')) return route.continue()
      await route.fetch()
      await route.abort('connectionreset')
    })
    await page.getByRole('button', { name: 'Commander', exact: true }).click()
    await page.getByText('Nous vérifions votre commande').waitFor()
    await page.unroute('**/graphql')
    await open(page, '/basket')
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
    expect(await ordersOf(account)).toHaveLength(1)
  })
})
