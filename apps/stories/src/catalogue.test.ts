import { randomUUID } from 'node:crypto'
import { describe, expect, inject, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit } from './browser.ts'
import { shopApi } from './people.ts'

describe.skipIf(!hasBrowser)('the catalogue', () => {
  useBrowser()

  it('filters, sorting and the number of products shown are in the URL, and "back" finds the same place', async () => {
    const api = shopApi()
    const admin = await api.signInAdmin()
    const category = `Rayon ${randomUUID().slice(0, 8)}`
    for (let i = 1; i <= 30; i++)
      await api.createProduct(admin, {
        name: `Article ${String(i).padStart(2, '0')} ${category}`,
        category,
        price: i,
        stock: i === 30 ? 0 : 5,
      })
    const { page } = await visit('/products')
    await page.getByLabel('Catégorie').selectOption(category)
    await page.getByText('30 produits', { exact: true }).waitFor()
    await page.getByLabel('Trier par').selectOption('PRICE_ASC')
    const names = page.getByRole('article').getByRole('heading')
    await expect.poll(() => names.first().textContent()).toContain('Article 01')
    await page.getByRole('link', { name: 'Afficher plus de produits' }).click()
    await expect.poll(() => names.count()).toBe(30)

    await names.nth(26).getByRole('link').click()
    await page.getByRole('heading', { level: 1, name: /Article 27/ }).waitFor()
    await page.goBack()
    await expect.poll(() => names.count()).toBe(30)
    await expect
      .poll(() =>
        names
          .nth(26)
          .isVisible()
          .then(() => page.evaluate(() => scrollY)),
      )
      .toBeGreaterThan(500)

    await page.getByLabel('En stock seulement').check()
    await page.getByText('29 produits', { exact: true }).waitFor()
    await page.getByLabel('Prix minimum, en euros').fill('12,50')
    await page.getByLabel('Prix minimum, en euros').press('Enter')
    await page.getByText('17 produits', { exact: true }).waitFor()
    await page.reload()
    await page.getByText('17 produits', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Effacer les filtres' }).click()
    await expect.poll(() => new URL(page.url()).searchParams.has('category')).toBe(false)
  })

  it('a product page has the data that search engines read, and is complete without scripts', async () => {
    const api = shopApi()
    const name = `Comté </script> ${randomUUID().slice(0, 8)}`
    const { id } = await api.createProduct(await api.signInAdmin(), { name, price: 12.9, description: 'Du Jura.' })
    const { gateway } = inject('storyShop')
    const html = await (await fetch(`${gateway}/products/${id}`)).text()
    const [, json] = /<script type="application\/ld\+json"[^>]*>(.*?)<\/script>/s.exec(html)!
    expect(JSON.parse(json!)).toMatchObject({
      '@type': 'Product',
      name,
      offers: {
        price: '12.90',
        priceCurrency: 'EUR',
        availability: 'https://schema.org/InStock',
        url: `${gateway}/products/${id}`,
      },
    })
    expect(html).toContain('Du Jura.')
    const missing = await fetch(`${gateway}/products/00000000-0000-7000-8000-000000000000`)
    expect(missing.status).toBe(404)
    expect(await missing.text()).toContain('n’est plus en vente')
  })

  it('the pages obey a strict Content-Security-Policy, with another nonce each time', async () => {
    const { gateway } = inject('storyShop')
    const policies = await Promise.all(
      [1, 2].map(async () => (await fetch(gateway)).headers.get('content-security-policy') ?? ''),
    )
    expect(new Set(policies).size).toBe(2)
    for (const policy of policies) {
      expect(policy).toMatch(/script-src 'self' 'nonce-[\w+/=]+'/)
      expect(policy).not.toContain('unsafe')
    }
  })

  it('says so when the device is offline', async () => {
    const { page, context } = await visit('/')
    await context.setOffline(true)
    await page.getByText('Vous êtes hors connexion').waitFor()
    await context.setOffline(false)
    await expect.poll(() => page.getByText('Vous êtes hors connexion').count()).toBe(0)
    await open(page, '/')
  })
})
