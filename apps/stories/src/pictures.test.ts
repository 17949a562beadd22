import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { startShop, type Shop } from '@halles/dev-shop'
import { createShopClient } from '@halles/e2e/shop-client'
import { eventually } from '@halles/test-fixtures/wait'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hasBrowser, open, useBrowser, visit } from './browser.ts'
import { signIn } from './people.ts'

/** Where pictures of the pages are written, from the root of the workspace; `npm run stories` sets it. */
const folder = process.env['STORY_PICTURES']

/** Half the size of the page in both directions, in WebP. */
async function takePicture(page: Page, name: string, width: number): Promise<void> {
  await page.locator('[data-loading="page"]').waitFor({ state: 'detached' })
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.waitForFunction(() =>
    [...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight),
  )
  const devtools = await page.context().newCDPSession(page)
  const height = page.viewportSize()!.height
  const { data } = await devtools.send('Page.captureScreenshot', {
    format: 'webp',
    quality: 70,
    clip: { x: 0, y: 0, width, height, scale: 0.5 },
  })
  await devtools.detach()
  await writeFile(path.join(root, folder!, `${name}-${width}.webp`), Buffer.from(data, 'base64'))
}

const root = path.join(import.meta.dirname, '../../..')

describe.skipIf(!hasBrowser || folder === undefined)('pictures of every page', () => {
  useBrowser()
  /** A shop with the demo catalogue and nothing else. */
  let shop: Shop
  /** Paths by the name of their picture: for everyone, for the customer, for staff. */
  let pages: Record<'anonymous' | 'customer' | 'admin', Record<string, string>>

  beforeAll(async () => {
    await mkdir(path.join(root, folder!), { recursive: true })
    shop = await startShop({ storefront: true })
    const { gateway, mailbox, accounts } = shop.running
    const api = createShopClient({ gateway, mailbox, admin: accounts.admin })
    const { body: catalogue } = await api.anonymous.rest('GET', '/products?first=8')
    const products = catalogue.items as { id: string; price: number }[]
    const { email, password } = accounts.customer
    const { body: session } = await api.anonymous.rest('POST', '/login', { email, password })
    const headers = { authorization: `Bearer ${session.accessToken}` }
    const orders: { id: string }[] = []
    for (const [i, { id }] of products.slice(0, 5).entries()) {
      const items = [
        { productId: id, quantity: i + 1 },
        { productId: products[7]!.id, quantity: 1 },
      ]
      orders.push((await api.anonymous.rest('POST', '/orders', { items }, headers)).body)
    }
    const admin = await api.signInAdmin()
    for (const [i, steps] of [['CONFIRMEE', 'PREPAREE', 'LIVREE'], ['CONFIRMEE', 'PREPAREE'], ['CONFIRMEE']].entries())
      for (const status of steps)
        await admin.graphql(
          'mutation ($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { id } }',
          {
            id: orders[i]!.id,
            status,
          },
        )
    await eventually('the e-mails about the orders are sent', async () => {
      const { body } = await admin.rest('GET', '/notifications?status=SENT')
      return body.items.length >= 8
    })
    const order = orders[1]!.id
    const product = products[0]!.id
    pages = {
      anonymous: {
        home: '/',
        catalogue: '/products',
        product: `/products/${product}`,
        'sign-in': '/sign-in',
        register: '/register',
        developers: '/developers',
      },
      customer: { basket: '/basket', orders: '/orders', order: `/orders/${order}`, account: '/account' },
      admin: {
        'staff-today': '/staff',
        'staff-orders': '/staff/orders',
        'staff-order': `/staff/orders/${order}`,
        'staff-products': '/staff/products',
        'staff-product': `/staff/products/${product}`,
        'staff-people': '/staff/people',
        'staff-person': `/staff/people/${session.user.id}`,
        'staff-emails': '/staff/emails',
      },
    }
  })
  afterAll(() => shop.stop())

  it.for([375, 1280])('at %i px', { timeout: 180_000 }, async (width) => {
    const { gateway, accounts } = shop.running
    const device = { width, height: width === 375 ? 812 : 900 }
    for (const [visitor, paths] of Object.entries(pages)) {
      const { page } = await visit(`${gateway}${visitor === 'anonymous' ? '/' : '/sign-in?next=/products'}`, device)
      if (visitor !== 'anonymous') {
        await signIn(page, visitor === 'admin' ? accounts.admin : accounts.customer)
        await page.waitForURL(`${gateway}/products`)
        await page
          .getByRole('button', { name: /^Ajouter .* au panier/ })
          .first()
          .click()
      }
      for (const [name, pathname] of Object.entries(paths)) {
        await (name === 'developers' ? page.goto(`${gateway}${pathname}`) : open(page, `${gateway}${pathname}`))
        await takePicture(page, name, width)
      }
    }
  })
})
