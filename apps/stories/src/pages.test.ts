import { describe, expect, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit } from './browser.ts'
import { devices, expectGoodPage } from './good-page.ts'
import { newAccount, register, shopApi } from './people.ts'

/** Names that break careless pages: markup, emoji, the longest allowed, right to left, one long word. */
const hostileNames = [
  '<script>alert(1)</script><b>Comté</b> & "Co"',
  '🧀🍷👩‍🌾 Panier gourmand 🇫🇷',
  'Très long nom de produit '.repeat(8).trim().slice(0, 200),
  'جبن كونتيه معتّق ثمانية عشر شهرًا',
  'A'.repeat(120),
]

describe.skipIf(!hasBrowser)('pages', () => {
  useBrowser()

  it.for(Object.entries(devices))('every page is accessible and fits on %s, in both languages', async ([, device]) => {
    const api = shopApi()
    const admin = await api.signInAdmin()
    const product = await api.createProduct(admin)
    const { page } = await visit('/register', device, [/404/])
    const account = newAccount()
    await register(page, account)
    await page.getByRole('button', { name: /^Mon compte/ }).waitFor()
    await open(page, `/products/${product.id}`)
    await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    const { email, password } = account
    const { body: session } = await api.anonymous.rest('POST', '/login', { email, password })
    const items = [{ productId: product.id, quantity: 1 }]
    const { status, body: order } = await api.anonymous.rest(
      'POST',
      '/orders',
      { items },
      { authorization: `Bearer ${session.accessToken}` },
    )
    expect(status).toBe(201)

    const paths = [
      '/',
      '/products',
      '/products?q=comt',
      '/products?q=nothingatall',
      `/products/${product.id}`,
      '/products/unknown',
      '/basket',
      '/orders',
      `/orders/${order.id}`,
      '/account',
      '/nowhere',
    ]
    for (const language of ['', '/en'])
      for (const path of paths) {
        await open(page, `${language}${path === '/' && language !== '' ? '' : path}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        expect(await page.locator('html').getAttribute('lang')).toBe(language === '' ? 'fr' : 'en')
        await expectGoodPage(page)
      }
  })

  it.for([375, 1280])('the pages of an anonymous visitor are accessible and fit at %i px', async (width) => {
    const { page } = await visit('/sign-in', { width, locale: 'en-GB' })
    for (const path of ['/sign-in', '/register', '/password/forgotten', '/password/reset', '/email/verify', '/basket'])
      for (const language of ['', '/en']) {
        await open(page, `${language}${path}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await expectGoodPage(page)
      }
  })

  it.for([375, 1280])('names with markup, emoji, 200 characters or right-to-left text fit at %i px', async (width) => {
    const api = shopApi()
    const admin = await api.signInAdmin()
    const products = []
    for (const name of hostileNames)
      products.push(await api.createProduct(admin, { name, category: name.slice(0, 60) }))
    const { page } = await visit('/register', { width })
    await register(page, newAccount('👩‍🌾 <b>Éléonore</b> '.padEnd(100, 'x')))
    await page.getByRole('button', { name: /^Mon compte/ }).waitFor()
    for (const { id, name } of products) {
      await open(page, `/products/${id}`)
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(name)
      await expectGoodPage(page)
      await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    }
    for (const path of ['/', '/products?sort=NEWEST', '/basket', '/account']) {
      await open(page, path)
      await expectGoodPage(page)
    }
    await open(page, '/basket')
    await page.getByRole('button', { name: 'Commander', exact: true }).click()
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
    await expectGoodPage(page)
    for (const { id } of products) await admin.rest('DELETE', `/products/${id}`)
  })

  it('the whole purchase is possible with the keyboard alone', async () => {
    const api = shopApi()
    const product = await api.createProduct(await api.signInAdmin())
    const { page } = await visit('/')
    /** Presses Tab until the focus is on an element with this accessible name. */
    const tabTo = async (name: RegExp): Promise<void> => {
      for (let presses = 0; presses < 80; presses++) {
        const focused = await page.evaluate(() => {
          const element = document.activeElement as HTMLInputElement | null
          return element?.getAttribute('aria-label') ?? element?.labels?.[0]?.textContent ?? element?.textContent ?? ''
        })
        if (name.test(focused.trim())) return
        await page.keyboard.press('Tab')
      }
      throw new Error(`Tab reaches nothing called ${name} on ${page.url()}`)
    }
    await tabTo(/^Rechercher un produit$/)
    await page.keyboard.type(product.name)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: product.name }).waitFor()
    await tabTo(new RegExp(`^${product.name}$`))
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: product.name, exact: true }).waitFor()
    await tabTo(/^Ajouter au panier$/)
    await page.keyboard.press('Enter')
    await tabTo(/^Voir le panier$/)
    await page.keyboard.press('Enter')
    await tabTo(/^Se connecter et commander$/)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Se connecter' }).waitFor()
    await tabTo(/^Créer un compte$/)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Créer un compte' }).waitFor()
    const { name, email, password } = newAccount()
    for (const [label, text] of [
      [/^Nom$/, name],
      [/^Adresse e-mail$/, email],
      [/^Mot de passe$/, password],
    ] as const) {
      await tabTo(label)
      await page.keyboard.type(text)
    }
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Commander', exact: true }).waitFor()
    await expect.poll(() => page.getByRole('button', { name: 'Commander', exact: true }).isEnabled()).toBe(true)
    await tabTo(/^Commander$/)
    await page.keyboard.press('Enter')
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
  })
})
