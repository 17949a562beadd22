import { randomUUID } from 'node:crypto'
import { startShop, type Shop } from '@halles/dev-shop'
import { createShopClient, type ShopClient } from '@halles/e2e/shop-client'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { eventually } from '@halles/test-fixtures/wait'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit, type Device } from './browser.ts'
import { devices, expectGoodPage } from './good-page.ts'
import { startMailServer, type MailServer } from './mail-server.ts'
import { newAccount, signIn, type Account } from './people.ts'

type Customer = Account & { id: string; order: (quantity?: number) => Promise<{ id: string; number: string }> }

describe.skipIf(!hasBrowser)('the staff desk', () => {
  useBrowser()
  /** A shop of this file alone: its mail server refuses addresses, and messages that no service understands are on its Kafka. */
  let shop: Shop
  let mail: MailServer
  let api: ShopClient
  beforeAll(async () => {
    mail = await startMailServer()
    const { mongodb, mailbox } = inject('storyServers')
    shop = await startShop({ existingServers: { mongodb, smtp: mail.url, mailbox }, storefront: true })
    const { gateway, accounts } = shop.running
    api = createShopClient({ gateway, mailbox, admin: accounts.admin })
  })
  afterAll(async () => {
    await shop.stop()
    await mail.close()
  })

  const at = (path: string): string => `${shop.running.gateway}${path}`

  /** Opens a page of the desk, signed in as an admin. */
  async function openDesk(path: string, device: Device = {}, expected: RegExp[] = []): Promise<Page> {
    const { page } = await visit(at(`/sign-in?next=${encodeURIComponent(path)}`), device, expected)
    await signIn(page, shop.running.accounts.admin)
    await page.waitForURL(at(path))
    return page
  }

  /** Creates a customer, who orders through the API. */
  async function createCustomer(name?: string): Promise<Customer> {
    const account = newAccount(name)
    const { body: session } = await api.anonymous.rest('POST', '/register', account)
    const product = await api.createProduct(await api.signInAdmin(), { stock: 100, price: 12.9 })
    const authorization = `Bearer ${session.accessToken}`
    const order = async (quantity = 1) => {
      const items = [{ productId: product.id, quantity }]
      return (await api.anonymous.rest('POST', '/orders', { items }, { authorization })).body
    }
    return { ...account, id: session.user.id, order }
  }

  const orderLink = (page: Page, number: string) =>
    page.getByRole('link', { name: `Commande n° ${number}`, exact: true })

  it('the staff finds an order by its customer and moves it on, and the customer’s page follows', async () => {
    const customer = await createCustomer(`Zoé ${randomUUID().slice(0, 8)}`)
    const { id, number } = await customer.order(2)
    const { page: customerPage } = await visit(at(`/sign-in?next=${encodeURIComponent(`/orders/${id}`)}`))
    await signIn(customerPage, customer)
    const seen = customerPage.locator('[aria-live]')
    await seen.getByText('Reçue').waitFor()

    const page = await openDesk('/staff/orders')
    await page.getByLabel('Numéro, nom ou e-mail').fill(customer.name)
    await page.getByRole('button', { name: 'Filtrer' }).click()
    await page.getByText('1 commande', { exact: true }).waitFor()
    await page.getByRole('row', { name: new RegExp(customer.email) }).waitFor()
    await orderLink(page, number).click()
    await page.getByText(customer.email, { exact: true }).first().waitFor()
    for (const [button, status] of [
      ['Confirmer', 'Confirmée'],
      ['Marquer préparée', 'Préparée'],
      ['Marquer livrée', 'Livrée'],
    ] as const) {
      await page.getByRole('button', { name: button, exact: true }).click()
      await page.locator('main [aria-live]').getByText(status).waitFor()
      await seen.getByText(status).waitFor()
    }
    await page.getByText('Cette commande est terminée.').waitFor()
    expect(await page.getByText('par vous').count()).toBe(3)
    expect(await page.getByText('par le client').count()).toBe(1)
    expect(await customerPage.getByText(/par vous|par le client/).count()).toBe(0)
  })

  it('an order is cancelled once the staff has confirmed that', async () => {
    const customer = await createCustomer()
    const { id } = await customer.order()
    const page = await openDesk(`/staff/orders/${id}`)
    await page.getByRole('button', { name: 'Annuler la commande' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Garder la commande' }).click()
    await page.locator('main [aria-live]').getByText('Reçue').waitFor()
    await page.getByRole('button', { name: 'Annuler la commande' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Annuler la commande' }).click()
    await page.locator('main [aria-live]').getByText('Annulée').waitFor()
  })

  it('many orders make their next step at once, and the one that somebody else changed says so', async () => {
    const customer = await createCustomer()
    const orders = [await customer.order(), await customer.order(), await customer.order()]
    const admin = await api.signInAdmin()
    await admin.rest('PUT', `/orders/${orders[1]!.id}/status`, { status: 'Confirmée' })
    const page = await openDesk('/staff/orders')
    await page.getByLabel('Numéro, nom ou e-mail').fill(customer.email)
    await page.getByLabel('Numéro, nom ou e-mail').press('Enter')
    await page.getByText('3 commandes', { exact: true }).waitFor()
    await page.getByLabel('Choisir toutes les commandes de la page').check()
    await page.getByText('3 commandes choisies').waitFor()
    await page.getByRole('button', { name: 'Marquer préparée (1)' }).waitFor()
    await admin.rest('PUT', `/orders/${orders[2]!.id}/status`, { status: 'Annulée' })
    await page.getByRole('button', { name: 'Confirmer (2)' }).click()

    await page.getByText('1 commande changée.').waitFor()
    const refused = page.getByRole('alert').filter({ hasText: '1 commande n’a pas changé.' })
    await refused.getByText('L’état de la commande a changé entre-temps', { exact: false }).waitFor()
    await refused.getByRole('link', { name: `Commande n° ${orders[2]!.number}` }).waitFor()
    const rows = page.getByRole('row')
    for (const [i, status] of ['Confirmée', 'Confirmée', 'Annulée'].entries())
      await rows
        .filter({ has: orderLink(page, orders[i]!.number) })
        .getByText(status)
        .waitFor()
    expect(await page.getByRole('checkbox', { checked: true }).count()).toBe(0)
  })

  it('filters of orders are in the URL, and "back" brings them back', async () => {
    const customer = await createCustomer()
    const { number } = await customer.order()
    const page = await openDesk(`/staff/orders?q=${encodeURIComponent(customer.email)}`)
    await orderLink(page, number).waitFor()
    await page.getByRole('link', { name: 'Livrée', exact: true }).click()
    await page.getByRole('heading', { name: 'Aucune commande' }).waitFor()
    expect(new URL(page.url()).searchParams.get('status')).toBe('LIVREE')
    await page.goBack()
    await orderLink(page, number).waitFor()

    const search = page.getByLabel('Numéro, nom ou e-mail')
    await search.fill(`#${number}`)
    await search.press('Enter')
    await page.getByText('1 commande', { exact: true }).waitFor()
    expect(await search.evaluate((input) => input === document.activeElement)).toBe(true)
    await page.getByLabel('Au', { exact: true }).fill('2001-01-01')
    await page.getByRole('button', { name: 'Filtrer' }).click()
    await page.getByRole('heading', { name: 'Aucune commande' }).waitFor()
    await page.getByRole('link', { name: 'Effacer les filtres' }).click()
    await orderLink(page, number).waitFor()
    expect(await search.inputValue()).toBe('')
  })

  it('an e-mail that the mail server refused is among the failed ones, and reaches the customer when it is resent', async () => {
    const customer = await createCustomer()
    mail.refused.add(customer.email)
    const { id, number } = await customer.order()
    const admin = await api.signInAdmin()
    await eventually('the e-mail has failed', async () => {
      const { body } = await admin.rest('GET', `/notifications?userIds=${customer.id}&status=FAILED`)
      return body.items.some(({ subject }: { subject: string }) => subject.includes('reçue'))
    })
    const page = await openDesk('/staff')
    await page.getByRole('link', { name: /^E-mails en échec/ }).click()
    await page.getByLabel('Nom ou e-mail du client').fill(customer.email)
    await page.getByRole('button', { name: 'Chercher' }).click()
    const row = page.getByRole('listitem').filter({ hasText: `Votre commande #${number} a été reçue` })
    await row.getByText('the mail server answered 550').waitFor()
    mail.refused.delete(customer.email)
    await row.getByRole('button', { name: /^Renvoyer/ }).click()
    await expect.poll(() => mail.accepted).toContainEqual({ to: customer.email, orderId: id })

    await page.getByRole('link', { name: 'Envoyés' }).click()
    await row.getByText('2 essais').waitFor()
    await row.getByRole('link', { name: `Commande n° ${number}` }).click()
    await page.getByRole('heading', { level: 1, name: `Commande n° ${number}` }).waitFor()
  })

  it('a dead letter is shown with its content and redriven, and comes back while its cause remains', async () => {
    const key = randomUUID()
    const kafka = createKafka(shop.running.kafka, 'stories', createLogger('stories', 'silent'))
    const publisher = kafka.publisher()
    await publisher.send('order-events', [{ key, value: JSON.stringify({ specversion: '1.0', of: key }) }])
    await publisher.close()
    const admin = await api.signInAdmin()
    type Letter = { id: string; key: string }
    const findLetters = async (query: string): Promise<Letter[]> => {
      const { body } = await admin.rest('GET', `/dead-letters?first=100${query}`)
      return body.items.filter((letter: Letter) => letter.key === key)
    }
    const [letter] = await eventually('the dead letter is stored', async () => {
      const found = await findLetters('')
      return found.length > 0 && found
    })

    const page = await openDesk('/staff/dead-letters')
    await page.getByRole('listitem').filter({ hasText: key }).getByRole('link').click()
    await page.getByRole('heading', { level: 1, name: `Message rejeté ${letter!.id}` }).waitFor()
    await page.getByRole('region', { name: 'Contenu' }).getByText(`"of": "${key}"`).waitFor()
    await page.getByRole('button', { name: 'Republier' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Republier' }).click()
    await page.getByText('Le message est republié.').waitFor()
    await page.getByRole('button', { name: 'Republier encore' }).waitFor()
    await eventually('it is dead-lettered again', async () => (await findLetters('&redriven=false')).length === 1)
    await page.getByRole('link', { name: 'Tous les messages rejetés' }).click()
    await page.getByRole('link', { name: 'Republiés' }).click()
    await page
      .getByRole('listitem')
      .filter({ hasText: key })
      .getByText(/republié 1 fois/)
      .waitFor()
  })

  it('the first page shows the figures of orders while notification-service is away', async () => {
    await (await createCustomer()).order()
    const page = await openDesk('/staff', {}, [/50\d/])
    await page.getByRole('link', { name: /^E-mails en échec/ }).waitFor()
    await shop.processes.notification.kill('SIGKILL')
    try {
      await open(page, at('/staff'))
      await page.getByText('L’état des e-mails ne peut pas être affiché.').waitFor()
      const today = page
        .getByRole('table', { name: /Chiffre d’affaires/ })
        .getByRole('row')
        .last()
      await expect
        .poll(async () => Number((await today.getByRole('cell').first().textContent()) ?? 0))
        .toBeGreaterThan(0)
    } finally {
      await shop.processes.notification.restart()
    }
    await open(page, at('/staff'))
    await page.getByRole('link', { name: /^E-mails en échec/ }).waitFor()
  })

  it('a customer has no desk', async () => {
    const customer = await createCustomer()
    const { page } = await visit(at('/sign-in?next=%2Fstaff%2Forders'))
    await signIn(page, customer)
    await page.getByRole('heading', { name: 'Réservé à l’équipe' }).waitFor()
    expect(await page.getByRole('navigation', { name: 'Navigation de l’équipe' }).count()).toBe(0)
  })

  it.for([
    ['French', 'a phone in the dark theme'],
    ['English', 'a desktop in the light theme'],
  ] as const)('its pages are accessible in %s and fit on %s', async ([language, device]) => {
    const prefix = language === 'English' ? '/en' : ''
    const customer = await createCustomer('👩‍🌾 <b>محمد الأمين</b> '.padEnd(100, 'x'))
    mail.refused.add(customer.email)
    const { id } = await customer.order()
    await customer.order()
    const admin = await api.signInAdmin()
    await eventually('an e-mail has failed', async () => {
      const { body } = await admin.rest('GET', `/notifications?userIds=${customer.id}&status=FAILED`)
      return body.totalCount > 0
    })
    const { body: letters } = await admin.rest('GET', '/dead-letters?first=1')
    const paths = [
      '/staff',
      '/staff/orders',
      '/staff/orders?to=2001-01-01',
      `/staff/orders/${id}`,
      '/staff/emails',
      '/staff/dead-letters?redriven=all',
      ...letters.items.map((letter: { id: string }) => `/staff/dead-letters/${letter.id}`),
    ]
    const page = await openDesk('/staff', devices[device])
    for (const path of paths) {
      await open(page, at(`${prefix}${path}`))
      await page.getByRole('heading', { level: 1 }).waitFor()
      await expectGoodPage(page)
    }
    await open(page, at(`${prefix}/staff/orders?q=${encodeURIComponent(customer.email)}`))
    await page.getByLabel(/^(Choisir toutes|Select all)/).check()
    await page.getByRole('button', { name: /^Confirm(er)? \(2\)$/ }).waitFor()
    await expectGoodPage(page)
  })
})
