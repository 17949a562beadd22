import { readdirSync, readFileSync } from 'node:fs'
import { parseOrderEvent, statuses } from '@halles/contracts/order-events'
import { describe, expect, it } from 'vitest'
import { createCustomer, createOrderEvent } from '../../test/events.ts'
import type { Email, OrderEmail } from '../emails/email.ts'
import { recordOrderEmails } from '../emails/record-emails.ts'
import { orderEmailSubject, renderOrderEmail } from './order-email.ts'

/** Creates the e-mail about an event. */
async function createEmail(event: ReturnType<typeof createOrderEvent>): Promise<OrderEmail> {
  const recorded: Email[] = []
  const insert = async (emails: Email[]) => {
    recorded.push(...emails)
    return emails.map(() => 'recorded' as const)
  }
  await recordOrderEmails({ emails: { insert } }, [event])
  const [email] = recorded
  if (!email?.order) throw new Error('no e-mail about an order')
  return email
}

const normalizeSpaces = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ')

describe('orderEmailSubject', () => {
  it.each([
    ['Reçue', 'Votre commande #1042 a été reçue', 'Your order #1042 has been received'],
    ['Confirmée', 'Votre commande #1042 a été confirmée', 'Your order #1042 has been confirmed'],
    ['Préparée', 'Votre commande #1042 a été préparée', 'Your order #1042 has been prepared'],
    ['Livrée', 'Votre commande #1042 a été livrée', 'Your order #1042 has been delivered'],
    ['Annulée', 'Votre commande #1042 a été annulée', 'Your order #1042 has been cancelled'],
  ] as const)('names the status %s in both languages', (status, fr, en) => {
    expect(orderEmailSubject({ number: '1042', status }, 'fr')).toBe(fr)
    expect(orderEmailSubject({ number: '1042', status }, 'en')).toBe(en)
  })
})

describe('renderOrderEmail', () => {
  it('lists items, prices and status history in French', async () => {
    const { text, html } = renderOrderEmail(await createEmail(createOrderEvent({ sequence: 2 })))
    expect(normalizeSpaces(text)).toContain(
      'Bonjour Camille Martin,\n\nVotre commande est confirmée : nous la préparons.',
    )
    expect(normalizeSpaces(text)).toContain('  3 × Thé vert, 100 g, 4,50 € : 13,50 €\n  Total : 13,50 €')
    expect(text).toMatch(/Suivi\n.*Reçue\n.*Confirmée\n/)
    expect(html).toContain('<html lang="fr">')
    for (const text of ['Thé vert, 100 g', '4,50 €', '13,50 €', 'Confirmée'])
      expect(normalizeSpaces(html)).toContain(text)
  })

  it('renders English for a customer with that locale', async () => {
    const { text, html } = renderOrderEmail(
      await createEmail(createOrderEvent({ customer: createCustomer({ locale: 'en' }) })),
    )
    expect(text).toContain('Hello Camille Martin,\n\nYour order is confirmed: we are preparing it.')
    expect(text).toContain('  3 × Thé vert, 100 g, €4.50: €13.50\n  Total: €13.50')
    expect(html).toContain('<html lang="en">')
    expect(text + html).not.toMatch(/commande|Confirmée|Reçue/)
  })

  it.each(['fr', 'en'] as const)('has a message of its own for each status, in %s', async (locale) => {
    const messages = await Promise.all(
      statuses.map(async (status) => {
        const { text } = renderOrderEmail(
          await createEmail(createOrderEvent({ status, customer: createCustomer({ locale }) })),
        )
        return text.split('\n')[2]
      }),
    )
    expect(new Set(messages).size).toBe(statuses.length)
  })

  it('computes amounts in whole cents, and formats large amounts for its locale', async () => {
    const email = await createEmail(createOrderEvent())
    email.order.items = [{ name: 'Vis', quantity: 999, price: 1.15 }]
    email.order.total = 1148.85
    expect(normalizeSpaces(renderOrderEmail(email).text)).toContain('1,15 € : 1 148,85 €')
    expect(renderOrderEmail({ ...email, locale: 'en' }).text).toContain('€1.15: €1,148.85')
  })

  it('formats times in the time zone of Paris', async () => {
    const email = await createEmail(createOrderEvent({ sequence: 1 }))
    email.order.createdAt = email.order.statusHistory[0]!.timestamp = '2026-06-30T22:30:00.000Z'
    const { text } = renderOrderEmail(email)
    expect(text).toContain('du 1 juillet 2026')
    expect(text).toMatch(/1 juil\. 2026.*00:30/)
  })

  it('links to the order when the storefront URL is known', async () => {
    const email = await createEmail(createOrderEvent())
    const url = `https://halles.example/shop/orders/${email.orderId}`
    for (const shop of ['https://halles.example/shop', 'https://halles.example/shop/']) {
      const { text, html } = renderOrderEmail(email, shop)
      expect(text).toContain(`Voir la commande : ${url}`)
      expect(html).toContain(`href="${url}"`)
    }
    expect(renderOrderEmail(email).html).not.toContain('<a')
  })

  it('escapes all text from customers and the catalogue', async () => {
    const injection = `<img src=x onerror="alert('1')">&`
    const email = await createEmail(createOrderEvent({ customer: createCustomer({ name: injection }) }))
    email.order.items[0]!.name = injection
    email.order.number = injection
    const { html, text } = renderOrderEmail(
      { ...email, orderId: injection, subject: injection },
      'https://halles.example',
    )
    expect(html).not.toContain('<img')
    expect(html).not.toContain('onerror="')
    expect(
      html.match(/&lt;img src=x onerror=&quot;alert\(&#39;1&#39;\)&quot;&gt;&amp;/g)!.length,
    ).toBeGreaterThanOrEqual(5)
    expect(text).toContain(`Bonjour ${injection},`)
  })

  it('keeps every name on one line of the text', async () => {
    const email = await createEmail(
      createOrderEvent({ customer: createCustomer({ name: 'Camille\r\n\r\nVotre code : 1' }) }),
    )
    email.order.items[0]!.name = 'Thé\nTotal : 0 €'
    const { text } = renderOrderEmail(email)
    expect(text).toContain('Bonjour Camille Votre code : 1,')
    expect(text).toContain('Thé Total : 0 €, ')
  })

  it('is accessible without styles: a language, a title, headings, table headers', async () => {
    const { html } = renderOrderEmail(await createEmail(createOrderEvent()))
    expect(html).toMatch(/^<!doctype html>\n<html lang="fr">/)
    expect(html).toContain('<title>Votre commande #1042 a été confirmée</title>')
    expect(html.match(/<h1/g)).toHaveLength(1)
    expect(html.match(/<th scope="col"/g)).toHaveLength(4)
    expect(html.match(/<th scope="row"/g)).toHaveLength(2)
    expect(html).not.toMatch(/<script|<link|<img|<style|src=/)
    for (const tag of ['table', 'tr', 'td', 'th', 'tbody', 'thead', 'tfoot', 'p', 'ol', 'li', 'h1', 'h2'])
      expect(html.match(new RegExp(`<${tag}[\\s>]`, 'g'))?.length).toBe(
        html.match(new RegExp(`</${tag}>`, 'g'))?.length,
      )
  })
})

describe('the example events of the contract', () => {
  const folder = new URL('../../../../packages/contracts/examples/order-events/', import.meta.url)
  const examples = readdirSync(folder).filter((name) => name.endsWith('.json'))

  it.each(examples)('can be rendered as an e-mail: %s', async (name) => {
    const event = parseOrderEvent(readFileSync(new URL(name, folder), 'utf8'))
    const email = await createEmail(event)
    const { order, customer } = event.data
    expect(email).toMatchObject({
      eventId: event.id,
      orderId: order.id,
      userId: customer.id,
      recipient: customer.email,
      subject: orderEmailSubject(order, customer.locale),
      traceparent: event.traceparent ?? null,
      status: 'PENDING',
    })
    const { text } = renderOrderEmail(email)
    expect(text).toContain(customer.name)
    for (const { name } of order.items) expect(text).toContain(name)
  })

  it('are stored only with the fields that e-mails need', async () => {
    const text = readFileSync(new URL('with-fields-of-a-later-version.json', folder), 'utf8')
    const email = await createEmail(parseOrderEvent(text))
    expect(JSON.stringify(email)).not.toMatch(/taxRate|currency|phone/)
  })
})
