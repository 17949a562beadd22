import { index, layout, prefix, route, type RouteConfig } from '@react-router/dev/routes'

/** Each page is there in both languages. French, the default, stands at the paths that e-mails link to; English below /en. */
export default [
  layout('layout/layout.tsx', [
    ...prefix('en?', [
      index('catalogue/home.tsx'),
      route('products', 'catalogue/catalogue.tsx'),
      route('products/:id', 'catalogue/product.tsx'),
      route('basket', 'basket/basket-page.tsx'),
      route('sign-in', 'session/sign-in.tsx'),
      route('register', 'session/register.tsx'),
      route('password/forgotten', 'session/forgotten-password.tsx'),
      route('password/reset', 'session/reset-password.tsx'),
      route('email/verify', 'session/verify-email.tsx'),
      route('email/change', 'session/change-email.tsx'),
      layout('account/signed-in.tsx', [
        route('orders', 'orders/my-orders.tsx'),
        route('orders/:id', 'orders/order.tsx'),
        route('account', 'account/account.tsx'),
      ]),
      route('*', 'layout/not-found.tsx'),
    ]),
  ]),
  ...prefix('en?/staff', [layout('staff/staff-layout.tsx', [index('staff/overview/overview.tsx')])]),
] satisfies RouteConfig
