import type { Customer, OrderView, Status } from '@halles/contracts/order-events'
import { oneLine, type Letter } from './letter.ts'

/** What the letter says, as plain text and as HTML. */
export type Written = { text: string; html: string }

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
export const subjectFor = (order: OrderView, locale: Locale): string =>
  oneLine(words[locale].subject(order.number, order.status))

/**
 * Writes a letter in its customer's language. Whatever comes from customers or the catalogue is kept on its line in the
 * text and escaped in the HTML.
 *
 * `shopUrl` is the storefront, for a link to the order; without it there is none.
 */
export function writeLetter(letter: Pick<Letter, 'order' | 'name' | 'locale' | 'subject'>, shopUrl?: string): Written {
  const facts = factsOf(letter, shopUrl)
  return { text: textOf(facts), html: htmlOf(facts) }
}

type Facts = ReturnType<typeof factsOf>

/** What both forms of the letter say, in the words and the notation of its language. */
function factsOf(
  { order, name, locale, subject }: Pick<Letter, 'order' | 'name' | 'locale' | 'subject'>,
  shopUrl: string | undefined,
) {
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
    link: shopUrl && `${shopUrl.replace(/\/+$/, '')}/orders/${encodeURIComponent(order.id)}`,
  }
}

const notationOf = (region: string) => ({
  euros: new Intl.NumberFormat(region, { style: 'currency', currency: 'EUR' }),
  date: new Intl.DateTimeFormat(region, { dateStyle: 'long', timeZone: 'Europe/Paris' }),
  moment: new Intl.DateTimeFormat(region, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Europe/Paris' }),
})
const notation = { fr: notationOf(words.fr.region), en: notationOf(words.en.region) }

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

/** A piece of HTML; text that is not one is escaped wherever it is put into one. */
type Markup = { markup: string }

function html(parts: TemplateStringsArray, ...values: (string | Markup | Markup[])[]): Markup {
  const written = values.map((value) =>
    typeof value === 'string'
      ? escaped(value)
      : Array.isArray(value)
        ? value.map(({ markup }) => markup).join('')
        : value.markup,
  )
  return { markup: String.raw({ raw: parts }, ...written) }
}

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c] ?? c)

// Mail clients know tables and inline styles, little else. Colours keep a contrast of 4.5:1 or more.
const cell = 'padding:10px 0;border-bottom:1px solid #e3e0d8;vertical-align:top'
const head = `${cell};font-size:13px;color:#5b5a55;font-weight:normal`
const number = 'text-align:right;white-space:nowrap;padding-left:12px'
const heading = 'margin:28px 0 8px;font-size:17px;line-height:1.3'

function htmlOf({ say, locale, subject, hello, news, title, lines, total, history, link }: Facts): string {
  const rows = lines.map(
    ({ name, quantity, price, sum }) =>
      html`<tr>
        <th scope="row" style="${cell};text-align:left;font-weight:normal">${name}</th>
        <td style="${cell};${number}">${quantity}</td>
        <td style="${cell};${number}">${price}</td>
        <td style="${cell};${number}">${sum}</td>
      </tr>`,
  )
  const steps = history.map(({ status, at }) => html`<li><strong>${status}</strong>, ${at}</li>`)
  const button = link
    ? html`<p style="margin:28px 0 0">
        <a
          href="${link}"
          style="display:inline-block;padding:12px 20px;background:#1f5c43;color:#ffffff;text-decoration:none;border-radius:6px"
          >${say.see}</a
        >
      </p>`
    : html``
  return html`<!doctype html>
    <html lang="${locale}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${subject}</title>
      </head>
      <body
        style="margin:0;padding:0;background:#f4f2ec;color:#23231f;font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5"
      >
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0">
          <tr>
            <td align="center" style="padding:24px 12px">
              <table
                role="presentation"
                width="100%"
                cellpadding="0"
                cellspacing="0"
                style="max-width:600px;background:#ffffff;border-radius:10px"
              >
                <tr>
                  <td
                    style="padding:20px 28px;background:#1f5c43;color:#ffffff;border-radius:10px 10px 0 0;font-size:20px;font-weight:bold;letter-spacing:0.04em"
                  >
                    Halles
                  </td>
                </tr>
                <tr>
                  <td style="padding:28px">
                    <h1 style="margin:0 0 16px;font-size:22px;line-height:1.3">${subject}</h1>
                    <p style="margin:0 0 8px">${hello}</p>
                    <p style="margin:0">${news}</p>
                    <h2 style="${heading}">${title}</h2>
                    <table width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse">
                      <thead>
                        <tr>
                          <th scope="col" style="${head};text-align:left">${say.article}</th>
                          <th scope="col" style="${head};${number}">${say.quantity}</th>
                          <th scope="col" style="${head};${number}">${say.price}</th>
                          <th scope="col" style="${head};${number}">${say.sum}</th>
                        </tr>
                      </thead>
                      <tbody>
                        ${rows}
                      </tbody>
                      <tfoot>
                        <tr>
                          <th scope="row" colspan="3" style="padding:12px 0;text-align:left">${say.total}</th>
                          <td style="padding:12px 0;${number};font-weight:bold">${total}</td>
                        </tr>
                      </tfoot>
                    </table>
                    <h2 style="${heading}">${say.history}</h2>
                    <ol style="margin:0;padding-left:20px">
                      ${steps}
                    </ol>
                    ${button}
                  </td>
                </tr>
              </table>
              <p style="max-width:600px;margin:16px 0 0;font-size:13px;color:#5b5a55">${say.why}</p>
            </td>
          </tr>
        </table>
      </body>
    </html> `.markup
}
