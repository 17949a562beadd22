import { createHash } from 'node:crypto'
import type { AppError, ErrorCode } from '@halles/errors/app-error'
import type { ErrorPage } from '@halles/fastify-service/error-response'
import { traceId } from '@halles/telemetry/trace'
import escapeHtml from 'escape-html'
import type { FastifyRequest } from 'fastify'

type Language = 'fr' | 'en'
type Text = { title: string; text: string; action: string }

/** What a visitor reads, by status; a status without an entry is described as 500 or 400 is. */
const texts: Record<number, Record<Language, Text>> = {
  404: {
    fr: {
      title: 'Cette page est introuvable',
      text: 'Le lien est peut-être ancien ou incomplet.',
      action: 'Aller à la boutique',
    },
    en: { title: 'This page cannot be found', text: 'The link may be old or incomplete.', action: 'Go to the shop' },
  },
  429: {
    fr: {
      title: 'Un instant, s’il vous plaît',
      text: 'Trop de demandes sont venues de votre connexion. Réessayez dans un moment.',
      action: 'Réessayer',
    },
    en: {
      title: 'One moment, please',
      text: 'Too many requests came from your connection. Try again in a moment.',
      action: 'Try again',
    },
  },
  503: {
    fr: {
      title: 'La boutique revient tout de suite',
      text: 'Elle est momentanément indisponible. Votre panier et vos commandes sont conservés.',
      action: 'Réessayer',
    },
    en: {
      title: 'The shop will be right back',
      text: 'It is unavailable for a moment. Your basket and your orders are kept.',
      action: 'Try again',
    },
  },
  400: {
    fr: {
      title: 'Cette adresse est incorrecte',
      text: 'Vérifiez le lien, ou repartez de la boutique.',
      action: 'Aller à la boutique',
    },
    en: {
      title: 'This address is not valid',
      text: 'Check the link, or start from the shop.',
      action: 'Go to the shop',
    },
  },
  500: {
    fr: {
      title: 'Une erreur s’est produite',
      text: 'Elle vient de nous, et nous en sommes informés.',
      action: 'Aller à la boutique',
    },
    en: { title: 'Something went wrong', text: 'The fault is ours, and we know of it.', action: 'Go to the shop' },
  },
}

const textsOf = (status: number): Record<Language, Text> =>
  texts[status === 504 ? 503 : status] ?? texts[status >= 500 ? 500 : 400]!

/** Statuses after which the same page may be asked for again. */
const temporary: ReadonlySet<ErrorCode> = new Set(['RATE_LIMITED', 'UNAVAILABLE', 'TIMEOUT'])

/** The shop's colours and fonts (apps/storefront/app/app.css), in both themes. */
const style = `:root{color-scheme:light dark;--paper:oklch(.985 .006 95);--ink:oklch(.24 .02 160);--muted:oklch(.46 .02 150);--line:oklch(.89 .012 95);--brand:oklch(.38 .075 160);--on-brand:oklch(.985 .01 95);--accent:oklch(.52 .18 30)}
@media (prefers-color-scheme:dark){:root{--paper:oklch(.19 .015 165);--ink:oklch(.95 .01 100);--muted:oklch(.76 .015 130);--line:oklch(.36 .02 165);--brand:oklch(.8 .11 155);--on-brand:oklch(.2 .03 160);--accent:oklch(.76 .13 35)}}
*{box-sizing:border-box;margin:0}
body{min-height:100vh;display:flex;flex-direction:column;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',Arial,sans-serif}
header{padding:1.1rem clamp(1rem,5vw,3rem);border-bottom:1px solid var(--line)}
header a{display:inline-flex;align-items:center;gap:.5rem;color:var(--brand);text-decoration:none;font:700 1.5rem/1.2 'Iowan Old Style','Palatino Linotype',Palatino,'URW Palladio L',P052,Georgia,serif}
header svg{height:2rem}
main{flex:1;display:flex;flex-direction:column;justify-content:center;align-items:center;text-align:center;gap:3rem;padding:3rem 1rem}
h1,h2{font-family:'Iowan Old Style','Palatino Linotype',Palatino,'URW Palladio L',P052,Georgia,serif;line-height:1.2;text-wrap:balance}
h1{font-size:clamp(1.9rem,6vw,2.75rem)}
h2{font-size:1.2rem}
p{color:var(--muted);max-width:32rem;margin:.75rem auto 0}
main a{color:var(--brand);text-underline-offset:.2em}
main a.main{display:inline-block;margin-top:1.75rem;padding:.75rem 1.6rem;border-radius:999px;background:var(--brand);color:var(--on-brand);font-weight:600;text-decoration:none}
a:focus-visible{outline:3px solid var(--accent);outline-offset:3px;border-radius:4px}
section+section{border-top:1px solid var(--line);padding-top:2rem;font-size:.95rem}
code{font-size:.85em;user-select:all}
`

/** Nothing may be loaded or run: the only style is the one above. */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'cache-control': 'no-store',
  vary: 'accept, accept-language',
}

/** Paths for programs, which are answered in JSON whatever they accept. */
const apiPaths = /^\/(api|graphql)(?![^/?])/

/** Whether a request is that of a browser that opens a page: it accepts HTML. */
export const isNavigation = ({ method, headers: { accept } }: Pick<FastifyRequest, 'method' | 'headers'>): boolean =>
  (method === 'GET' || method === 'HEAD') && (accept?.includes('text/html') ?? false)

/**
 * Renders an error as a page for a browser, in the visitor's language and, smaller, in the other one.
 *
 * @returns undefined for a request that is not for a page
 */
export function renderErrorPage(
  error: AppError,
  status: number,
  request: Pick<FastifyRequest, 'method' | 'url' | 'headers' | 'trace'>,
): ErrorPage | undefined {
  if (!isNavigation(request) || apiPaths.test(request.url)) return undefined
  const language = languageOf(request)
  const other = language === 'fr' ? 'en' : 'fr'
  const { fr, en } = textsOf(status)
  const of = { fr, en }
  const isTemporary = temporary.has(error.code)
  const home = { fr: '/', en: '/en' }
  const linkOf = (one: Language): string => (isTemporary ? escapeHtml(request.url) : home[one])
  const id = error.code === 'INTERNAL' ? traceId(request.trace) : undefined
  const section = (one: Language, isFirst: boolean): string => {
    const { title, text, action } = of[one]
    const heading = isFirst ? 'h1' : 'h2'
    return `<section lang="${one}"><${heading}>${title}</${heading}><p>${text}${id === undefined ? '' : ` <code>${id}</code>`}</p><p><a${isFirst ? ' class="main"' : ''} href="${linkOf(one)}">${action}</a></p></section>`
  }
  const body = `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${of[language].title} · Halles</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header><a href="${home[language]}"><svg viewBox="0 0 48 40" fill="none" stroke="currentColor" stroke-width="3.5" aria-hidden="true"><path d="M4 17 24 4l20 13M9 17v19M39 17v19M17 36V24h14v12" stroke-linecap="round" stroke-linejoin="round"/></svg>Halles</a></header>
<main>
${section(language, true)}
${section(other, false)}
</main>
</body>
</html>
`
  return { headers, body }
}

/** The language of the page by its path, as in the shop; for other paths by what the browser prefers. */
function languageOf({
  url,
  headers: { 'accept-language': accepted = '' },
}: Pick<FastifyRequest, 'url' | 'headers'>): Language {
  if (/^\/en(?![^/?])/.test(url)) return 'en'
  const preferred = /\b(fr|en)\b/i.exec(accepted)?.[1]?.toLowerCase()
  return preferred === 'en' ? 'en' : 'fr'
}
