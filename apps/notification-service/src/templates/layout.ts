import escapeHtml from 'escape-html'

/** An e-mail body as plain text and as HTML. */
export type RenderedEmail = { text: string; html: string }

/** A piece of HTML. A plain string is escaped wherever it is put into one. */
export type Markup = { markup: string }

/** Template tag: makes a piece of HTML, and escapes every value that is not one. */
export function html(parts: TemplateStringsArray, ...values: (string | Markup | Markup[])[]): Markup {
  const substitutions = values.map((value) =>
    typeof value === 'string'
      ? escapeHtml(value)
      : Array.isArray(value)
        ? value.map(({ markup }) => markup).join('')
        : value.markup,
  )
  return { markup: String.raw({ raw: parts }, ...substitutions) }
}

/** A link that looks like a button. */
export const button = (link: string, label: string): Markup =>
  html`<p style="margin:28px 0 0">
    <a
      href="${link}"
      style="display:inline-block;padding:12px 20px;background:#1f5c43;color:#ffffff;text-decoration:none;border-radius:6px"
      >${label}</a
    >
  </p>`

/** What every e-mail has in common, besides its content: `reason` says why the recipient gets it. */
type Frame = { locale: string; subject: string; greeting: string; message: string; reason: string }

/** Renders the HTML document of an e-mail: one column that is readable without styles and by a screen reader. */
export function renderLayout({ locale, subject, greeting, message, reason }: Frame, content: Markup): string {
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
                    <p style="margin:0 0 8px">${greeting}</p>
                    <p style="margin:0">${message}</p>
                    ${content}
                  </td>
                </tr>
              </table>
              <p style="max-width:600px;margin:16px 0 0;font-size:13px;color:#5b5a55">${reason}</p>
            </td>
          </tr>
        </table>
      </body>
    </html>`.markup.replaceAll(/\n\s+/g, '\n')
}
