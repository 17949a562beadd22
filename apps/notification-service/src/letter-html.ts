import type { AccountFacts } from './write-account-letter.ts'
import type { Facts } from './write-letter.ts'

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

/** The HTML of a letter about an order. Whatever is put in is escaped, unless it is a piece of HTML made here. */
export function htmlOf({ say, title, lines, total, history, link, ...frame }: Facts): string {
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
  return sheet(
    { ...frame, why: say.why },
    html`<h2 style="${heading}">${title}</h2>
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
      ${link ? button(link, say.see) : html``}`,
  )
}

/** The HTML of a letter about an account. */
export function accountHtmlOf({ way, advice, ...frame }: AccountFacts): string {
  const where =
    way &&
    (way.link
      ? button(way.link, way.label)
      : html`<p>${way.label}</p>
          <p><code>${way.code}</code></p>`)
  return sheet(
    frame,
    html`${where ? [where, html`<p style="margin:16px 0 0">${way.until}</p>`] : []}
      <p style="margin:16px 0 0">${advice}</p>`,
  )
}

const button = (link: string, label: string): Markup =>
  html`<p style="margin:28px 0 0">
    <a
      href="${link}"
      style="display:inline-block;padding:12px 20px;background:#1f5c43;color:#ffffff;text-decoration:none;border-radius:6px"
      >${label}</a
    >
  </p>`

type Frame = Pick<Facts, 'locale' | 'subject' | 'hello' | 'news'> & { why: string }

/** What all letters have in common: one column, readable without its styles and by a screen reader. */
function sheet({ locale, subject, hello, news, why }: Frame, content: Markup): string {
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
                    ${content}
                  </td>
                </tr>
              </table>
              <p style="max-width:600px;margin:16px 0 0;font-size:13px;color:#5b5a55">${why}</p>
            </td>
          </tr>
        </table>
      </body>
    </html>`.markup.replaceAll(/\n\s+/g, '\n')
}
