import type { Customer, Status } from '@halles/contracts/order-events'
import { toCents, toEuros } from '@halles/validation/money'
import { toSingleLine, type OrderContent, type OrderEmail } from '../emails/email.ts'
import { formats } from './formats.ts'
import { button, html, renderLayout, type RenderedEmail } from './layout.ts'

/** The fields of an e-mail that its template uses. */
type Source = Pick<OrderEmail, 'orderId' | 'order' | 'name' | 'locale' | 'subject'>

type Locale = Customer['locale']
type Phrases = {
  subject: (number: string, status: Status) => string
  /** The name of each status. */
  status: Record<Status, string>
  /** The first sentence of the e-mail about each status. */
  message: Record<Status, string>
  greeting: (name: string) => string
  orderTitle: (number: string, date: string) => string
  item: string
  quantity: string
  price: string
  sum: string
  total: string
  history: string
  viewOrder: string
  /** Why the recipient gets this e-mail. */
  reason: string
  colon: string
}

const phrases: Record<Locale, Phrases> = {
  fr: {
    subject: (number, status) => `Votre commande #${number} a été ${phrases.fr.status[status].toLocaleLowerCase('fr')}`,
    status: { Reçue: 'Reçue', Confirmée: 'Confirmée', Préparée: 'Préparée', Livrée: 'Livrée', Annulée: 'Annulée' },
    message: {
      Reçue: 'Merci ! Nous avons bien reçu votre commande et vous écrirons dès qu’elle sera confirmée.',
      Confirmée: 'Votre commande est confirmée : nous la préparons.',
      Préparée: 'Votre commande est prête : elle part vers vous.',
      Livrée: 'Votre commande a été livrée. Merci de votre confiance !',
      Annulée: 'Votre commande a été annulée : rien ne vous sera livré.',
    },
    greeting: (name) => `Bonjour ${name},`,
    orderTitle: (number, date) => `Commande #${number} du ${date}`,
    item: 'Article',
    quantity: 'Quantité',
    price: 'Prix',
    sum: 'Montant',
    total: 'Total',
    history: 'Suivi',
    viewOrder: 'Voir la commande',
    reason: 'Vous recevez cette lettre parce que vous avez commandé chez Halles.',
    colon: ' : ',
  },
  en: {
    subject: (number, status) => `Your order #${number} has been ${phrases.en.status[status].toLocaleLowerCase('en')}`,
    status: {
      Reçue: 'Received',
      Confirmée: 'Confirmed',
      Préparée: 'Prepared',
      Livrée: 'Delivered',
      Annulée: 'Cancelled',
    },
    message: {
      Reçue: 'Thank you! We have received your order and will write again once it is confirmed.',
      Confirmée: 'Your order is confirmed: we are preparing it.',
      Préparée: 'Your order is ready: it is on its way to you.',
      Livrée: 'Your order has been delivered. Thank you for your trust!',
      Annulée: 'Your order has been cancelled: nothing will be delivered.',
    },
    greeting: (name) => `Hello ${name},`,
    orderTitle: (number, date) => `Order #${number} of ${date}`,
    item: 'Item',
    quantity: 'Quantity',
    price: 'Price',
    sum: 'Amount',
    total: 'Total',
    history: 'What happened so far',
    viewOrder: 'See the order',
    reason: 'You receive this letter because you ordered at Halles.',
    colon: ': ',
  },
}

/** The subject of the e-mail about an order in its current status: `Votre commande #123 a été confirmée`. */
export const orderEmailSubject = (order: Pick<OrderContent, 'number' | 'status'>, locale: Locale): string =>
  toSingleLine(phrases[locale].subject(order.number, order.status))

/**
 * Renders an e-mail about an order in its customer's language. Text from customers or the catalogue stays on one line in
 * the plain text and is escaped in the HTML.
 *
 * `shopUrl` is the URL of the storefront. Without it, the e-mail has no link to the order.
 */
export function renderOrderEmail(email: Source, shopUrl?: string): RenderedEmail {
  const model = toModel(email, shopUrl)
  return { text: renderText(model), html: renderHtml(model) }
}

/** What the plain text and the HTML show, formatted for the recipient's locale. */
type Model = ReturnType<typeof toModel>

function toModel({ orderId, order, name, locale, subject }: Source, shopUrl: string | undefined) {
  const { euros, date, dateTime } = formats[locale]
  return {
    phrases: phrases[locale],
    locale,
    subject,
    greeting: phrases[locale].greeting(toSingleLine(name)),
    message: phrases[locale].message[order.status],
    title: phrases[locale].orderTitle(toSingleLine(order.number), date.format(new Date(order.createdAt))),
    lines: order.items.map(({ name, quantity, price }) => ({
      name: toSingleLine(name),
      quantity: String(quantity),
      price: euros.format(price),
      sum: euros.format(toEuros(toCents(price) * quantity)),
    })),
    total: euros.format(order.total),
    history: order.statusHistory.map(({ status, timestamp }) => ({
      status: phrases[locale].status[status],
      at: dateTime.format(new Date(timestamp)),
    })),
    link: shopUrl && `${shopUrl.replace(/\/+$/, '')}/orders/${encodeURIComponent(orderId)}`,
  }
}

function renderText({ phrases, greeting, message, title, lines, total, history, link }: Model): string {
  return [
    greeting,
    '',
    message,
    '',
    title,
    ...lines.map(({ name, quantity, price, sum }) => `  ${quantity} × ${name}, ${price}${phrases.colon}${sum}`),
    `  ${phrases.total}${phrases.colon}${total}`,
    '',
    phrases.history,
    ...history.map(({ status, at }) => `  ${at}${phrases.colon}${status}`),
    ...(link ? ['', `${phrases.viewOrder}${phrases.colon}${link}`] : []),
    '',
    '-- ',
    'Halles',
    phrases.reason,
    '',
  ].join('\n')
}

// Mail clients support tables and inline styles, but little else. Colours keep a contrast of at least 4.5:1 (WCAG AA).
const bodyCell = 'padding:10px 0;border-bottom:1px solid #e3e0d8;vertical-align:top'
const headerCell = `${bodyCell};font-size:13px;color:#5b5a55;font-weight:normal`
const numeric = 'text-align:right;white-space:nowrap;padding-left:12px'
const sectionTitle = 'margin:28px 0 8px;font-size:17px;line-height:1.3'

function renderHtml({ phrases, title, lines, total, history, link, ...frame }: Model): string {
  const rows = lines.map(
    ({ name, quantity, price, sum }) =>
      html`<tr>
        <th scope="row" style="${bodyCell};text-align:left;font-weight:normal">${name}</th>
        <td style="${bodyCell};${numeric}">${quantity}</td>
        <td style="${bodyCell};${numeric}">${price}</td>
        <td style="${bodyCell};${numeric}">${sum}</td>
      </tr>`,
  )
  const steps = history.map(({ status, at }) => html`<li><strong>${status}</strong>, ${at}</li>`)
  return renderLayout(
    { ...frame, reason: phrases.reason },
    html`<h2 style="${sectionTitle}">${title}</h2>
      <table width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse">
        <thead>
          <tr>
            <th scope="col" style="${headerCell};text-align:left">${phrases.item}</th>
            <th scope="col" style="${headerCell};${numeric}">${phrases.quantity}</th>
            <th scope="col" style="${headerCell};${numeric}">${phrases.price}</th>
            <th scope="col" style="${headerCell};${numeric}">${phrases.sum}</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colspan="3" style="padding:12px 0;text-align:left">${phrases.total}</th>
            <td style="padding:12px 0;${numeric};font-weight:bold">${total}</td>
          </tr>
        </tfoot>
      </table>
      <h2 style="${sectionTitle}">${phrases.history}</h2>
      <ol style="margin:0;padding-left:20px">
        ${steps}
      </ol>
      ${link ? button(link, phrases.viewOrder) : html``}`,
  )
}
