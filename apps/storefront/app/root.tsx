import type { ReactNode } from 'react'
import {
  isRouteErrorResponse,
  Links,
  Meta,
  Outlet,
  Scripts,
  ScrollRestoration,
  useLocation,
  useRouteLoaderData,
} from 'react-router'
import { serverContext } from './api/server-client.ts'
import type { Route } from './+types/root.ts'
import './app.css'
import { describeError } from './api/errors.ts'
import { I18nProvider, useI18n } from './i18n/i18n.tsx'
import { inLanguage, languageOf, languages } from './i18n/language.ts'
import { themeScript } from './layout/theme.ts'
import { ButtonLink } from './ui/button.tsx'
import { EmptyState } from './ui/empty-state.tsx'

export const links: Route.LinksFunction = () => [{ rel: 'icon', href: '/static/icon.svg', type: 'image/svg+xml' }]

export function loader({ context, request }: Route.LoaderArgs) {
  const { nonce, origin } = context.get(serverContext)
  return { nonce, origin, pathname: new URL(request.url).pathname }
}

/** The document is the same for all pages of a visit: it is not loaded again. */
export const shouldRevalidate = (): boolean => false

/** The HTML document around every page, errors included. */
export function Layout({ children }: { children: ReactNode }) {
  const { pathname } = useLocation()
  const data = useRouteLoaderData<typeof loader>('root')
  const nonce = data?.nonce
  const language = languageOf(pathname)
  return (
    <html lang={language} suppressHydrationWarning>
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="theme-color" content="#1d4634" />
        <script nonce={nonce} suppressHydrationWarning dangerouslySetInnerHTML={{ __html: themeScript }} />
        {data &&
          languages.map((other) => (
            <link key={other} rel="alternate" hrefLang={other} href={`${data.origin}${inLanguage(other, pathname)}`} />
          ))}
        <Meta />
        <Links />
      </head>
      <body className="min-h-dvh antialiased">
        <I18nProvider>{children}</I18nProvider>
        <ScrollRestoration nonce={nonce} />
        <Scripts nonce={nonce} />
      </body>
    </html>
  )
}

export default function App() {
  return <Outlet />
}

/** The page for errors that no page handles. */
export function ErrorBoundary({ error }: Route.ErrorBoundaryProps) {
  const { messages, href } = useI18n()
  const isMissing = isRouteErrorResponse(error) && error.status === 404
  if (!isMissing) console.error(error)
  return (
    <main className="mx-auto max-w-2xl px-4 py-20">
      <title>{`${isMissing ? messages.errors.notFoundTitle : messages.errors.pageTitle} · Halles`}</title>
      <EmptyState
        title={isMissing ? messages.errors.notFoundTitle : messages.errors.pageTitle}
        text={isMissing ? messages.errors.notFoundText : describeError(error, messages)}
      >
        <ButtonLink to={href('/')} reloadDocument>
          {messages.nav.home}
        </ButtonLink>
      </EmptyState>
    </main>
  )
}
