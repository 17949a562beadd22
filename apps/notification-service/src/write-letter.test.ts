import { readdirSync, readFileSync } from 'node:fs'
import { parseOrderEvent, statuses } from '@halles/contracts/order-events'
import { describe, expect, it } from 'vitest'
import { notify } from './notify.ts'
import type { Letter, OrderLetter } from './letter.ts'
import { someCustomer, someEvent } from '../test/events.ts'
import { subjectFor, writeLetter } from './write-letter.ts'

/** The letter that an event makes. */
async function letterOf(event: ReturnType<typeof someEvent>): Promise<OrderLetter> {
  const kept: Letter[] = []
  const add = async (letters: Letter[]) => {
    kept.push(...letters)
    return letters.map(() => 'recorded' as const)
  }
  await notify({ letters: { add } }, [event])
  const [letter] = kept
  if (!letter?.order) throw new Error('no letter about an order')
  return letter
}

const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ')

describe('the subject', () => {
  it.each([
    ['Reçue', 'Votre commande #1042 a été reçue', 'Your order #1042 has been received'],
    ['Confirmée', 'Votre commande #1042 a été confirmée', 'Your order #1042 has been confirmed'],
    ['Préparée', 'Votre commande #1042 a été préparée', 'Your order #1042 has been prepared'],
    ['Livrée', 'Votre commande #1042 a été livrée', 'Your order #1042 has been delivered'],
    ['Annulée', 'Votre commande #1042 a été annulée', 'Your order #1042 has been cancelled'],
  ] as const)('says that an order is %s', (status, fr, en) => {
    expect(subjectFor({ number: '1042', status }, 'fr')).toBe(fr)
    expect(subjectFor({ number: '1042', status }, 'en')).toBe(en)
  })
})

describe('a letter', () => {
  it('says in French what was ordered, what it costs and what happened', async () => {
    const { text, html } = writeLetter(await letterOf(someEvent({ sequence: 2 })))
    expect(plain(text)).toContain('Bonjour Camille Martin,\n\nVotre commande est confirmée : nous la préparons.')
    expect(plain(text)).toContain('  3 × Thé vert, 100 g, 4,50 € : 13,50 €\n  Total : 13,50 €')
    expect(text).toMatch(/Suivi\n.*Reçue\n.*Confirmée\n/)
    expect(html).toContain('<html lang="fr">')
    for (const said of ['Thé vert, 100 g', '4,50 €', '13,50 €', 'Confirmée']) expect(plain(html)).toContain(said)
  })

  it('says it in English to those who read English', async () => {
    const { text, html } = writeLetter(await letterOf(someEvent({ customer: someCustomer({ locale: 'en' }) })))
    expect(text).toContain('Hello Camille Martin,\n\nYour order is confirmed: we are preparing it.')
    expect(text).toContain('  3 × Thé vert, 100 g, €4.50: €13.50\n  Total: €13.50')
    expect(html).toContain('<html lang="en">')
    expect(text + html).not.toMatch(/commande|Confirmée|Reçue/)
  })

  it.each(['fr', 'en'] as const)('has something of its own to say of each status, in %s', async (locale) => {
    const news = await Promise.all(
      statuses.map(async (status) => {
        const { text } = writeLetter(await letterOf(someEvent({ status, customer: someCustomer({ locale }) })))
        return text.split('\n')[2]
      }),
    )
    expect(new Set(news).size).toBe(statuses.length)
  })

  it('adds up in whole cents, and writes large sums as its language does', async () => {
    const letter = await letterOf(someEvent())
    letter.order.items = [{ name: 'Vis', quantity: 999, price: 1.15 }]
    letter.order.total = 1148.85
    expect(plain(writeLetter(letter).text)).toContain('1,15 € : 1 148,85 €')
    expect(writeLetter({ ...letter, locale: 'en' }).text).toContain('€1.15: €1,148.85')
  })

  it('names moments as a clock in France shows them', async () => {
    const letter = await letterOf(someEvent({ sequence: 1 }))
    letter.order.createdAt = letter.order.statusHistory[0]!.timestamp = '2026-06-30T22:30:00.000Z'
    const { text } = writeLetter(letter)
    expect(text).toContain('du 1 juillet 2026')
    expect(text).toMatch(/1 juil\. 2026.*00:30/)
  })

  it('leads to the order when it knows the shop', async () => {
    const letter = await letterOf(someEvent())
    const url = `https://halles.example/shop/orders/${letter.orderId}`
    for (const shop of ['https://halles.example/shop', 'https://halles.example/shop/']) {
      const { text, html } = writeLetter(letter, shop)
      expect(text).toContain(`Voir la commande : ${url}`)
      expect(html).toContain(`href="${url}"`)
    }
    expect(writeLetter(letter).html).not.toContain('<a')
  })

  it('escapes every word that is not ours', async () => {
    const evil = `<img src=x onerror="alert('1')">&`
    const letter = await letterOf(someEvent({ customer: someCustomer({ name: evil }) }))
    letter.order.items[0]!.name = evil
    letter.order.number = evil
    const { html, text } = writeLetter({ ...letter, orderId: evil, subject: evil }, 'https://halles.example')
    expect(html).not.toContain('<img')
    expect(html).not.toContain('onerror="')
    expect(
      html.match(/&lt;img src=x onerror=&quot;alert\(&#39;1&#39;\)&quot;&gt;&amp;/g)!.length,
    ).toBeGreaterThanOrEqual(5)
    expect(text).toContain(`Bonjour ${evil},`)
  })

  it('keeps every name on its line', async () => {
    const letter = await letterOf(someEvent({ customer: someCustomer({ name: 'Camille\r\n\r\nVotre code : 1' }) }))
    letter.order.items[0]!.name = 'Thé\nTotal : 0 €'
    const { text } = writeLetter(letter)
    expect(text).toContain('Bonjour Camille Votre code : 1,')
    expect(text).toContain('Thé Total : 0 €, ')
  })

  it('can be read without its style: a language, a title, headings, tables that are tables', async () => {
    const { html } = writeLetter(await letterOf(someEvent()))
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

describe('the events that order-service promises', () => {
  const folder = new URL('../../../packages/contracts/examples/order-events/', import.meta.url)
  const examples = readdirSync(folder).filter((name) => name.endsWith('.json'))

  it.each(examples)('make a letter: %s', async (name) => {
    const event = parseOrderEvent(readFileSync(new URL(name, folder), 'utf8'))
    const letter = await letterOf(event)
    const { order, customer } = event.data
    expect(letter).toMatchObject({
      eventId: event.id,
      orderId: order.id,
      userId: customer.id,
      recipient: customer.email,
      subject: subjectFor(order, customer.locale),
      traceparent: event.traceparent ?? null,
      status: 'PENDING',
    })
    const { text } = writeLetter(letter)
    expect(text).toContain(customer.name)
    for (const { name } of order.items) expect(text).toContain(name)
  })

  it('keep of an order only what letters need', async () => {
    const text = readFileSync(new URL('with-fields-of-a-later-version.json', folder), 'utf8')
    const letter = await letterOf(parseOrderEvent(text))
    expect(JSON.stringify(letter)).not.toMatch(/taxRate|currency|phone/)
  })
})
