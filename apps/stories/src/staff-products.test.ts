import type { Page } from 'playwright-core'
import { describe, expect, inject, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit, type Device } from './browser.ts'
import { devices, expectGoodPage } from './good-page.ts'
import { newAccount, register, shopApi, signIn, waitForEmail, type Account } from './people.ts'

/** Opens a page of the desk, signed in as an admin. */
async function openDesk(path: string, device: Device = {}, expected: RegExp[] = []): Promise<Page> {
  const { page } = await visit(`/sign-in?next=${encodeURIComponent(path)}`, device, expected)
  await signIn(page, inject('storyShop').admin)
  await page.waitForURL((url) => url.pathname + url.search === path)
  return page
}

/** Creates a product through the API; its name is its own. */
const createProduct = async (fields: object = {}) => {
  const api = shopApi()
  return api.createProduct(await api.signInAdmin(), fields)
}

/** A JPEG of random pixels, which compresses badly, drawn in the browser. */
async function drawPhoto(page: Page, width: number, height: number) {
  const url = await page.evaluate(
    ([columns, rows]) => {
      const canvas = document.createElement('canvas')
      canvas.width = columns!
      canvas.height = rows!
      const context = canvas.getContext('2d')!
      const pixels = context.createImageData(columns!, rows!)
      for (let i = 0; i < pixels.data.length; i++) pixels.data[i] = i % 4 === 3 ? 255 : Math.random() * 255
      context.putImageData(pixels, 0, 0)
      return canvas.toDataURL('image/jpeg', 0.95)
    },
    [width, height],
  )
  return { name: 'photo.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(url.split(',')[1]!, 'base64') }
}

/** Registers a customer through the API. Their session is another one than in a browser. */
async function createAccount(name?: string): Promise<Account & { id: string }> {
  const account = newAccount(name)
  const { body } = await shopApi().anonymous.rest('POST', '/register', account)
  return { ...account, id: body.user.id }
}

describe.skipIf(!hasBrowser)('the staff desk for products', () => {
  useBrowser()

  it('the staff creates a product with a photo from a phone, and a customer sees it', async () => {
    const page = await openDesk('/staff/products')
    await page.getByRole('link', { name: 'Nouveau produit' }).click()
    const name = `Tomme ${Date.now()}`
    await page.getByLabel('Nom', { exact: true }).fill(name)
    await page.getByLabel('Catégorie').fill('Fromagerie')
    await page.getByLabel('Prix, en euros').fill('18,50')
    await page.getByLabel('Description').fill('Affinée six mois.')
    await page.getByLabel('Stock de départ').fill('7')
    await page.getByRole('button', { name: 'Mettre en vente' }).click()
    await page.getByRole('heading', { level: 1, name }).waitFor()
    await page.getByText('Le produit est en vente. Ajoutez-lui une photo.').waitFor()

    const photo = await drawPhoto(page, 3000, 2200)
    expect(photo.buffer.length).toBeGreaterThan(5_242_880) // more than the API takes
    await page.getByLabel('Choisir une photo').setInputFiles(photo)
    await page.getByText('La photo est enregistrée.').waitFor()

    const { page: shop } = await visit(new URL(page.url()).pathname.replace('/staff', ''))
    await shop.getByRole('heading', { level: 1, name }).waitFor()
    await shop.getByText('18,50 €').first().waitFor()
    const picture = shop.locator('main img').first()
    await expect.poll(() => picture.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(0)
    expect(await picture.getAttribute('src')).toMatch(/^\/api\/pictures\/[0-9a-f]{32}-1280\.webp$/)
    // A page shows the size that it needs.
    await open(shop, `/products?q=${encodeURIComponent(name)}`)
    const card = shop.locator('article img')
    await expect.poll(() => card.evaluate((img: HTMLImageElement) => img.currentSrc)).toMatch(/-(320|640)\.webp$/)
  })

  it('a file that is no picture is refused with the reason, and the product keeps its picture', async () => {
    const { id } = await createProduct()
    const page = await openDesk(`/staff/products/${id}`, {}, [/400/])
    await page.getByLabel('Choisir une photo').setInputFiles({
      name: 'photo.jpg',
      mimeType: 'image/jpeg',
      buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    })
    await page
      .getByRole('alert')
      .getByText(/JPEG, PNG ou WebP/)
      .waitFor()
    expect((await shopApi().anonymous.rest('GET', `/products/${id}`)).body).toMatchObject({ image: null, revision: 1 })
  })

  it('two people edit the same product: nothing is overwritten, and each difference is chosen', async () => {
    const { id, name } = await createProduct({ price: 12.9, description: 'Ancienne.' })
    const page = await openDesk(`/staff/products/${id}`, {}, [/412/])
    const other = await openDesk(`/staff/products/${id}`)
    await other.getByLabel('Prix, en euros').fill('14')
    await other.getByLabel('Description').fill('Nouvelle.')
    await other.getByRole('button', { name: 'Enregistrer', exact: true }).click()
    await other.getByText('Les modifications sont enregistrées.').waitFor()

    await page.getByLabel('Prix, en euros').fill('13')
    await page.getByLabel('Nom', { exact: true }).fill(`${name} fermier`)
    await page.getByRole('button', { name: 'Enregistrer', exact: true }).click()
    await page.getByText('Quelqu’un d’autre vient de modifier ce produit').waitFor()
    const read = async () => (await shopApi().anonymous.rest('GET', `/products/${id}`)).body
    expect(await read()).toMatchObject({ name, price: 14, description: 'Nouvelle.', revision: 2 })
    // What only the other one changed is in the form; the price is asked about.
    expect(await page.getByLabel('Description').inputValue()).toBe('Nouvelle.')
    const price = page.getByRole('group', { name: 'Prix, en euros' })
    expect(await price.getByLabel('Votre version').isChecked()).toBe(true)
    await price.getByLabel('L’autre version').check()
    expect(await page.getByRole('textbox', { name: 'Prix, en euros' }).inputValue()).toBe('14,00')
    await expectGoodPage(page)
    await page.getByRole('button', { name: 'Enregistrer', exact: true }).click()
    await page.getByText('Les modifications sont enregistrées.').waitFor()
    expect(await read()).toMatchObject({
      name: `${name} fermier`,
      price: 14,
      description: 'Nouvelle.',
      revision: 3,
    })
  })

  it('an adjusted stock is in the ledger with its reason and who made it, beside the orders', async () => {
    const { id } = await createProduct({ stock: 3 })
    const customer = await shopApi().createCustomer()
    const { body: order } = await customer.rest('POST', '/orders', { items: [{ productId: id, quantity: 2 }] })
    const page = await openDesk(`/staff/products/${id}`)
    await page.getByLabel('Mouvement', { exact: true }).selectOption({ label: 'Retirer du stock' })
    await page.getByLabel('Quantité').fill('5')
    await page.getByLabel('Motif').fill('casse')
    await page.getByRole('button', { name: 'Enregistrer le mouvement' }).click()
    await page.getByText('Il n’y en a que 1.').waitFor()
    await page.getByLabel('Quantité').fill('1')
    await page.getByRole('button', { name: 'Enregistrer le mouvement' }).click()
    await page.getByText('C’est noté : 0 en stock.').waitFor()
    const rows = page.getByRole('table', { name: 'Mouvements de stock' }).locator('tbody tr')
    await expect.poll(() => rows.count()).toBe(3)
    expect(await rows.nth(0).textContent()).toMatch(/Ajustement · casse.*par .*−1/)
    expect(await rows.nth(1).textContent()).toMatch(/Commande.*−2/)
    expect(await rows.nth(2).textContent()).toMatch(/Stock de départ.*\+3/)
    await rows.nth(1).getByRole('link').click()
    await page.getByRole('heading', { level: 1, name: `Commande n° ${order.number}` }).waitFor()
  })

  it('an archived product is gone from the catalogue, and can be put on sale again', async () => {
    const { id, name } = await createProduct()
    const page = await openDesk(`/staff/products?q=${encodeURIComponent(name)}`)
    await page.getByRole('link', { name }).click()
    await page.getByRole('button', { name: 'Archiver le produit' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Archiver le produit' }).click()
    await page.getByText('Ce produit est archivé').waitFor()
    const { page: shop } = await visit(`/products/${id}`, {}, [/404/])
    await shop.getByRole('heading', { name: 'Ce produit n’est plus en vente' }).waitFor()

    await open(page, `/staff/products?view=archived&q=${encodeURIComponent(name)}`)
    await page.getByRole('link', { name }).click()
    await page.getByRole('button', { name: 'Remettre en vente' }).click()
    await page.getByRole('button', { name: 'Archiver le produit' }).waitFor()
    await open(shop, `/products/${id}`)
    await shop.getByRole('heading', { level: 1, name }).waitFor()
  })
})

describe.skipIf(!hasBrowser)('the staff desk for people', () => {
  useBrowser()

  it('a person who is deactivated is signed out, and can sign in once reactivated', async () => {
    const account = newAccount(`Noa ${Date.now()}`)
    const { page: theirs } = await visit('/register?next=%2Faccount', {}, [/401/])
    await register(theirs, account)
    await theirs.getByRole('heading', { level: 1, name: 'Mon compte' }).waitFor()

    const page = await openDesk(`/staff/people?q=${encodeURIComponent(account.email)}`)
    await page.getByRole('link', { name: account.name }).click()
    await page.getByText('Compte créé').waitFor()
    await page.getByRole('button', { name: 'Désactiver le compte' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Désactiver le compte' }).click()
    await page.getByText('Aucune session ouverte.').waitFor()
    await page.getByText('Compte désactivé').waitFor()

    await open(theirs, '/account')
    await theirs.getByRole('heading', { level: 1, name: 'Se connecter' }).waitFor()
    await signIn(theirs, account)
    await theirs.getByText('L’adresse e-mail ou le mot de passe est incorrect.').waitFor()

    await page.getByRole('button', { name: 'Réactiver le compte' }).click()
    await page.getByRole('button', { name: 'Désactiver le compte' }).waitFor()
    await signIn(theirs, account)
    await theirs.getByRole('heading', { level: 1, name: 'Mon compte' }).waitFor()
  })

  it('the staff gives and takes away its own access, not that of themselves', async () => {
    const account = await createAccount(`Lou ${Date.now()}`)
    const page = await openDesk(`/staff/people/${account.id}`)
    await page.getByRole('button', { name: 'Donner accès à l’équipe' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Donner accès à l’équipe' }).click()
    await page.getByRole('button', { name: 'Retirer l’accès de l’équipe' }).waitFor()
    await waitForEmail(account.email, /^Vos droits chez Halles ont changé/)
    const { page: theirs } = await visit('/sign-in?next=%2Fstaff%2Fproducts')
    await signIn(theirs, account)
    await theirs.getByRole('heading', { level: 1, name: 'Produits' }).waitFor()
    await open(theirs, `/staff/people/${account.id}`)
    await theirs.getByText('C’est votre compte').waitFor()
    expect(await theirs.getByRole('button', { name: 'Désactiver le compte' }).count()).toBe(0)

    await page.getByRole('button', { name: 'Retirer l’accès de l’équipe' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Retirer l’accès de l’équipe' }).click()
    await page.getByRole('button', { name: 'Donner accès à l’équipe' }).waitFor()
    await open(theirs, '/staff/products')
    await theirs.getByRole('heading', { level: 1, name: 'Réservé à l’équipe' }).waitFor()
  })

  it('the staff ends a session of a person, who is signed out there', async () => {
    const account = newAccount()
    const { page: theirs } = await visit('/register?next=%2Faccount', {}, [/401/])
    await register(theirs, account)
    await theirs.getByRole('heading', { level: 1, name: 'Mon compte' }).waitFor()
    const { body: session } = await shopApi().anonymous.rest('POST', '/login', {
      email: account.email,
      password: account.password,
    })
    const page = await openDesk(`/staff/people/${session.user.id}`)
    await expect.poll(() => page.getByRole('button', { name: /^Terminer la session/ }).count()).toBe(2)
    await page.getByRole('button', { name: 'Terminer toutes les sessions' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Terminer toutes les sessions' }).click()
    await page.getByText('Aucune session ouverte.').waitFor()
    await open(theirs, '/account')
    await theirs.getByRole('heading', { level: 1, name: 'Se connecter' }).waitFor()
  })
})

describe.skipIf(!hasBrowser)('the profile', () => {
  useBrowser()

  it('name and language are changed, and the next e-mail is in that language', async () => {
    const { id: productId } = await createProduct()
    const account = newAccount()
    // The services reject the token with the former name until it is renewed.
    const { page } = await visit('/register?next=%2Faccount', {}, [/401/])
    await register(page, account)
    await page.getByRole('heading', { level: 1, name: 'Mon compte' }).waitFor()
    await page.getByLabel('Nom', { exact: true }).fill('Zoé Durand')
    await page.getByLabel('Langue de mes e-mails').selectOption('en')
    const profile = page.getByRole('region', { name: 'Profil' })
    await profile.getByRole('button', { name: 'Enregistrer' }).click()
    await page.getByText('Votre profil est enregistré.').waitFor()
    await page.getByRole('button', { name: 'Mon compte, Zoé Durand' }).waitFor()

    await open(page, `/products/${productId}`)
    await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    await open(page, '/basket')
    await page.getByRole('button', { name: 'Commander', exact: true }).click()
    await page.getByText('Merci ! Votre commande est enregistrée.').waitFor()
    const { text } = await waitForEmail(account.email, /^Your order/)
    expect(text).toContain('Zoé Durand')
    await open(page, '/account')
    expect(await page.getByLabel('Nom', { exact: true }).inputValue()).toBe('Zoé Durand')
    expect(await page.getByLabel('Langue de mes e-mails').inputValue()).toBe('en')
  })
})

describe.skipIf(!hasBrowser)('the pages of the desk for products and people', () => {
  useBrowser()

  it.for(Object.entries(devices))('are accessible and fit on %s, in both languages', async ([, device]) => {
    const name = `${'Très long nom de produit '.repeat(7)}🧀 <b>`.slice(0, 200)
    const product = await createProduct({ name, stock: 2, category: 'Une catégorie au nom plutôt long pour voir' })
    const archived = await createProduct()
    const api = shopApi()
    await (await api.signInAdmin()).rest('DELETE', `/products/${archived.id}`)
    const person = await createAccount('👩‍🌾 <b>Éléonore</b> '.padEnd(100, 'x'))
    const page = await openDesk('/staff/products', device, [/404/])
    const paths = [
      '/staff/products',
      '/staff/products?q=nothingatall',
      '/staff/products?view=low',
      '/staff/products/new',
      `/staff/products/${product.id}`,
      `/staff/products/${archived.id}`,
      '/staff/products/unknown',
      '/staff/people',
      '/staff/people?q=nothingatall',
      `/staff/people/${person.id}`,
    ]
    for (const language of ['', '/en'])
      for (const path of paths) {
        await open(page, `${language}${path}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await expectGoodPage(page)
      }
  })
})
