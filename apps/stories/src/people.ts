import { randomUUID } from 'node:crypto'
import { createShopClient, type Email } from '@halles/e2e/shop-client'
import { eventually } from '@halles/test-fixtures/wait'
import { expect, inject } from 'vitest'
import type { Page } from 'playwright-core'

/** The API of the shop that the stories share. */
export const shopApi = () => createShopClient(inject('storyShop'))

export type Account = { name: string; email: string; password: string }

/** A new account's data. */
export const newAccount = (name = 'Camille Martin'): Account => ({
  name,
  email: `${randomUUID()}@example.test`,
  password: `un cheval ${randomUUID()}`,
})

/** Fills in the page "create an account" and sends it. */
export async function register(page: Page, { name, email, password }: Account): Promise<void> {
  await page.getByLabel('Nom', { exact: true }).fill(name)
  await page.getByLabel('Adresse e-mail').fill(email)
  await page.getByLabel('Mot de passe', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Créer mon compte' }).click()
}

/** Fills in the page "sign in" and sends it. */
export async function signIn(page: Page, { email, password }: Pick<Account, 'email' | 'password'>): Promise<void> {
  await page.getByLabel('Adresse e-mail').fill(email)
  await page.getByLabel('Mot de passe', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Se connecter' }).click()
}

/** Waits for the e-mail to an address with this subject. */
export const waitForEmail = (address: string, subject: RegExp): Promise<Email> =>
  eventually(`an e-mail ${subject} to ${address}`, async () =>
    (await shopApi().findEmailsTo(address)).find((email) => subject.test(email.subject)),
  )

/** The path of the first link of the shop in an e-mail, with its fragment. */
export function linkOf({ text }: Email): string {
  const link = new URL(/https?:\/\/\S+/.exec(text)![0])
  expect(link.origin).toBe(new URL(inject('storyShop').gateway).origin)
  return link.pathname + link.search + link.hash
}

/** The orders of an account, read through the API. */
export async function ordersOf({ email, password }: Account): Promise<{ id: string; status: string; total: number }[]> {
  const { anonymous } = shopApi()
  const { body: session } = await anonymous.rest('POST', '/login', { email, password })
  const { body } = await anonymous.rest('GET', `/orders/${session.user.id}`, undefined, {
    authorization: `Bearer ${session.accessToken}`,
  })
  return body.items
}
