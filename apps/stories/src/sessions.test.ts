import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit } from './browser.ts'
import { linkOf, newAccount, register, shopApi, signIn, waitForEmail } from './people.ts'

describe.skipIf(!hasBrowser)('sessions', () => {
  useBrowser()

  it('a new customer verifies the address by the link of an e-mail', async () => {
    const account = newAccount()
    const { page } = await visit('/register?next=%2Faccount')
    await register(page, account)
    await page.getByText('Adresse non vérifiée').waitFor()
    await open(page, linkOf(await waitForEmail(account.email, /Confirmez votre adresse/)))
    await page.getByText('Votre adresse est vérifiée. Merci !').waitFor()
    expect(page.url()).not.toContain('token')
    await open(page, '/account')
    await page.getByText('Adresse vérifiée').waitFor()
  })

  it('a customer who forgot the password sets a new one by the link of an e-mail, which works once', async () => {
    const account = newAccount()
    await shopApi().anonymous.rest('POST', '/register', account)
    const { page } = await visit('/sign-in', {}, [/401/, /400/])
    await page.getByRole('link', { name: 'Mot de passe oublié ?' }).click()
    await page.getByRole('heading', { level: 1, name: 'Mot de passe oublié' }).waitFor()
    await page.getByLabel('Adresse e-mail').fill(account.email)
    await page.getByRole('button', { name: 'Envoyer le lien' }).click()
    await page.getByText('Si cette adresse a un compte').waitFor()

    const link = linkOf(await waitForEmail(account.email, /nouveau mot de passe/))
    const password = `une autre phrase ${randomUUID()}`
    await open(page, link)
    await page.getByLabel('Nouveau mot de passe').fill('motdepasse')
    await page.getByRole('button', { name: 'Enregistrer le mot de passe' }).click()
    await page.locator('[aria-invalid=true]').waitFor()
    await page.getByLabel('Nouveau mot de passe').fill(password)
    await page.getByRole('button', { name: 'Enregistrer le mot de passe' }).click()
    await page.getByText('Votre mot de passe est changé').waitFor()
    await signIn(page, account)
    await page.getByText('L’adresse e-mail ou le mot de passe est incorrect.').waitFor()
    await signIn(page, { email: account.email, password })
    await page.getByRole('button', { name: /^Mon compte/ }).waitFor()

    await open(page, link)
    await page.getByLabel('Nouveau mot de passe').fill(`encore une ${randomUUID()}`)
    await page.getByRole('button', { name: 'Enregistrer le mot de passe' }).click()
    await page.getByText('Ce lien n’est plus valable').waitFor()
  })

  it('two tabs that renew the session at the same time both stay signed in', async () => {
    const { page, openTab } = await visit('/register')
    await register(page, newAccount())
    await page.getByRole('button', { name: /^Mon compte/ }).waitFor()
    const tabs = [page, await openTab('/'), await openTab('/products')]
    for (let round = 0; round < 3; round++) {
      await Promise.all(tabs.map((tab) => tab.reload()))
      for (const tab of tabs) await tab.getByRole('button', { name: /^Mon compte/ }).waitFor()
    }
  })

  it('signing out in one tab signs out the other, and the pages of the account are closed', async () => {
    const { page, openTab } = await visit('/register')
    await register(page, newAccount())
    const other = await openTab('/')
    await other.getByRole('button', { name: /^Mon compte/ }).waitFor()
    await page.getByRole('button', { name: /^Mon compte/ }).click()
    await page.getByRole('menuitem', { name: 'Se déconnecter' }).click()
    await page.getByRole('link', { name: 'Se connecter' }).waitFor()
    await other.getByRole('link', { name: 'Se connecter' }).waitFor()
    await open(other, '/orders')
    await other.waitForURL(/\/sign-in\?next=%2Forders$/)
  })

  it('the basket that was filled before signing in is added to the one of the account', async () => {
    const admin = await shopApi().signInAdmin()
    const [one, two] = [await shopApi().createProduct(admin), await shopApi().createProduct(admin)]
    const account = newAccount()
    const { page } = await visit('/register')
    await register(page, account)
    await page.getByRole('button', { name: /^Mon compte/ }).waitFor()
    const add = async (id: string): Promise<void> => {
      await open(page, `/products/${id}`)
      await page.getByRole('button', { name: 'Ajouter au panier', exact: true }).click()
    }
    await add(one.id)
    await page.getByRole('button', { name: /^Mon compte/ }).click()
    await page.getByRole('menuitem', { name: 'Se déconnecter' }).click()
    await page.getByRole('link', { name: 'Panier, vide' }).waitFor()
    await add(one.id)
    await add(two.id)
    await open(page, '/sign-in?next=%2Fbasket')
    await signIn(page, account)
    await page.getByRole('link', { name: 'Panier, 3 articles' }).waitFor()
  })

  it('a token is in no place that a script can read', async () => {
    const { page } = await visit('/register')
    await register(page, newAccount())
    await page.getByRole('button', { name: /^Mon compte/ }).waitFor()
    const stored = await page.evaluate(() =>
      JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie]),
    )
    expect(stored).not.toMatch(/eyJ|refresh/)
  })

  it('the link `next` of the sign-in page leads to no other site', async () => {
    const account = newAccount()
    await shopApi().anonymous.rest('POST', '/register', account)
    const { page } = await visit('/sign-in?next=https%3A%2F%2Fevil.example%2F')
    await signIn(page, account)
    await page.getByRole('button', { name: /^Mon compte/ }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/')
  })
})
