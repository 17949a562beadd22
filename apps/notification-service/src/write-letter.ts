import type { Customer, Status } from '@halles/contracts/order-events'
import { htmlOf } from './letter-html.ts'
import { oneLine, type OrderLetter, type Told } from './letter.ts'

/** What the letter says, as plain text and as HTML. */
export type Written = { text: string; html: string }

type Source = Pick<OrderLetter, 'orderId' | 'order' | 'name' | 'locale' | 'subject'>

type Locale = Customer['locale']
type Words = {
  /** Money and moments are written as there. */
  region: string
  subject: (number: string, status: Status) => string
  /** What an order of this status is. */
  status: Record<Status, string>
  /** What the letter has to say about it. */
  news: Record<Status, string>
  hello: (name: string) => string
  order: (number: string, date: string) => string
  article: string
  quantity: string
  price: string
  sum: string
  total: string
  history: string
  see: string
  why: string
  colon: string
}

const words: Record<Locale, Words> = {
  fr: {
    region: 'fr-FR',
    subject: (number, status) => `Votre commande #${number} a été ${words.fr.status[status].toLocaleLowerCase('fr')}`,
    status: { Reçue: 'Reçue', Confirmée: 'Confirmée', Préparée: 'Préparée', Livrée: 'Livrée', Annulée: 'Annulée' },
    news: {
      Reçue: 'Merci ! Nous avons bien reçu votre commande et vous écrirons dès qu’elle sera confirmée.',
      Confirmée: 'Votre commande est confirmée : nous la préparons.',
      Préparée: 'Votre commande est prête : elle part vers vous.',
      Livrée: 'Votre commande a été livrée. Merci de votre confiance !',
      Annulée: 'Votre commande a été annulée : rien ne vous sera livré.',
    },
    hello: (name) => `Bonjour ${name},`,
    order: (number, date) => `Commande #${number} du ${date}`,
    article: 'Article',
    quantity: 'Quantité',
    price: 'Prix',
    sum: 'Montant',
    total: 'Total',
    history: 'Suivi',
    see: 'Voir la commande',
    why: 'Vous recevez cette lettre parce que vous avez commandé chez Halles.',
    colon: ' : ',
  },
  en: {
    region: 'en-IE',
    subject: (number, status) => `Your order #${number} has been ${words.en.status[status].toLocaleLowerCase('en')}`,
    status: {
      Reçue: 'Received',
      Confirmée: 'Confirmed',
      Préparée: 'Prepared',
      Livrée: 'Delivered',
      Annulée: 'Cancelled',
    },
    news: {
      Reçue: 'Thank you! We have received your order and will write again once it is confirmed.',
      Confirmée: 'Your order is confirmed: we are preparing it.',
      Préparée: 'Your order is ready: it is on its way to you.',
      Livrée: 'Your order has been delivered. Thank you for your trust!',
      Annulée: 'Your order has been cancelled: nothing will be delivered.',
    },
    hello: (name) => `Hello ${name},`,
    order: (number, date) => `Order #${number} of ${date}`,
    article: 'Item',
    quantity: 'Quantity',
    price: 'Price',
    sum: 'Amount',
    total: 'Total',
    history: 'What happened so far',
    see: 'See the order',
    why: 'You receive this letter because you ordered at Halles.',
    colon: ': ',
  },
}

/** The subject of the letter about an order as it is now: `Votre commande #123 a été confirmée`. */
export const subjectFor = (order: Pick<Told, 'number' | 'status'>, locale: Locale): string =>
  oneLine(words[locale].subject(order.number, order.status))

/**
 * Writes a letter in its customer's language. Whatever comes from customers or the catalogue is kept on its line in the
 * text and escaped in the HTML.
 *
 * `shopUrl` is the storefront, for a link to the order; without it there is none.
 */
export function writeLetter(letter: Source, shopUrl?: string): Written {
  const facts = factsOf(letter, shopUrl)
  return { text: textOf(facts), html: htmlOf(facts) }
}

export type Facts = ReturnType<typeof factsOf>

/** What both forms of the letter say, in the words and the notation of its language. */
function factsOf({ orderId, order, name, locale, subject }: Source, shopUrl: string | undefined) {
  const say = words[locale]
  const { euros, date, moment } = notation[locale]
  const cents = (price: number): number => Math.round(price * 100)
  return {
    say,
    locale,
    subject,
    hello: say.hello(oneLine(name)),
    news: say.news[order.status],
    title: say.order(oneLine(order.number), date.format(new Date(order.createdAt))),
    lines: order.items.map(({ name, quantity, price }) => ({
      name: oneLine(name),
      quantity: String(quantity),
      price: euros.format(price),
      sum: euros.format((cents(price) * quantity) / 100),
    })),
    total: euros.format(order.total),
    history: order.statusHistory.map(({ status, timestamp }) => ({
      status: say.status[status],
      at: moment.format(new Date(timestamp)),
    })),
    link: shopUrl && `${shopUrl.replace(/\/+$/, '')}/orders/${encodeURIComponent(orderId)}`,
  }
}

const notationOf = (region: string) => ({
  euros: new Intl.NumberFormat(region, { style: 'currency', currency: 'EUR' }),
  date: new Intl.DateTimeFormat(region, { dateStyle: 'long', timeZone: 'Europe/Paris' }),
  moment: new Intl.DateTimeFormat(region, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Europe/Paris' }),
})
/** How money and moments are written in a language. */
export const notation = { fr: notationOf(words.fr.region), en: notationOf(words.en.region) }

function textOf({ say, hello, news, title, lines, total, history, link }: Facts): string {
  return [
    hello,
    '',
    news,
    '',
    title,
    ...lines.map(({ name, quantity, price, sum }) => `  ${quantity} × ${name}, ${price}${say.colon}${sum}`),
    `  ${say.total}${say.colon}${total}`,
    '',
    say.history,
    ...history.map(({ status, at }) => `  ${at}${say.colon}${status}`),
    ...(link ? ['', `${say.see}${say.colon}${link}`] : []),
    '',
    '-- ',
    'Halles',
    say.why,
    '',
  ].join('\n')
}
