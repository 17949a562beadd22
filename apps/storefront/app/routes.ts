import { index, layout, prefix, route, type RouteConfig, type RouteConfigEntry } from '@react-router/dev/routes'
import type { Language } from './i18n/language.ts'

/**
 * The pages in one language. French, the default, stands at the paths that e-mails link to; English below /en. A route's id
 * is its language and file, since each file is a page in both.
 */
const pages = (language: Language): RouteConfigEntry[] => {
  const page = (path: string, file: string): RouteConfigEntry => route(path, file, { id: `${language}:${file}` })
  return [
    layout('layout/layout.tsx', { id: `${language}:layout` }, [
      index('catalogue/home.tsx', { id: `${language}:home` }),
      page('products', 'catalogue/catalogue.tsx'),
      page('products/:id', 'catalogue/product.tsx'),
      page('basket', 'basket/basket-page.tsx'),
      page('sign-in', 'session/sign-in.tsx'),
      page('register', 'session/register.tsx'),
      page('password/forgotten', 'session/forgotten-password.tsx'),
      page('password/reset', 'session/reset-password.tsx'),
      page('email/verify', 'session/verify-email.tsx'),
      page('email/change', 'session/change-email.tsx'),
      layout('account/signed-in.tsx', { id: `${language}:signed-in` }, [
        page('orders', 'orders/my-orders.tsx'),
        page('orders/:id', 'orders/order.tsx'),
        page('account', 'account/account.tsx'),
      ]),
      page('*', 'layout/not-found.tsx'),
    ]),
  ]
}

export default [...pages('fr'), ...prefix('en', pages('en'))] satisfies RouteConfig
