import { ShoppingBasket, UserRound } from 'lucide-react'
import { lazy, Suspense, type ReactNode } from 'react'
import { Link, NavLink } from 'react-router'
import { useBasketCount } from '../basket/basket.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { useSession } from '../session/use-session.ts'
import { Logo } from './logo.tsx'
import { SearchBox } from './search-box.tsx'

const iconLink =
  'relative inline-flex min-h-11 min-w-11 items-center justify-center gap-2 rounded-full px-2 hover:bg-sunken'

/** Loaded for signed-in users only. */
const AccountMenu = lazy(async () => ({ default: (await import('./account-menu.tsx')).AccountMenu }))

export function Header() {
  const { messages, href } = useI18n()
  const count = useBasketCount()
  const session = useSession()
  return (
    <header className="sticky top-0 z-40 border-b border-line bg-paper/95 backdrop-blur">
      <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-3 gap-y-2 px-4 py-2 sm:flex-nowrap">
        <Link
          to={href('/')}
          className="flex min-h-11 items-center rounded-lg text-brand"
          aria-label={`Halles, ${messages.nav.home}`}
        >
          <Logo />
        </Link>
        <nav aria-label={messages.nav.main} className="ml-auto flex items-center gap-1 sm:order-last">
          <NavLink
            to={href('/products')}
            className="hidden min-h-11 items-center rounded-full px-3 font-medium hover:bg-sunken md:flex"
          >
            {messages.nav.products}
          </NavLink>
          {session.status === 'signed-in' ? (
            <Suspense fallback={<AccountLink to="/account" label={messages.nav.account} />}>
              <AccountMenu user={session.user} />
            </Suspense>
          ) : (
            <AccountLink to="/sign-in" label={messages.nav.signIn}>
              <span className="hidden font-medium lg:inline" aria-hidden="true">
                {messages.nav.signIn}
              </span>
            </AccountLink>
          )}
          <Link to={href('/basket')} className={iconLink} aria-label={messages.nav.basketCount(count)}>
            <ShoppingBasket className="size-6" aria-hidden="true" />
            {count > 0 && (
              <span
                aria-hidden="true"
                className="absolute right-0 top-0 flex h-5 min-w-5 items-center justify-center rounded-full bg-accent px-1 text-xs font-bold text-paper"
              >
                {count > 99 ? '99+' : count}
              </span>
            )}
          </Link>
        </nav>
        <div className="w-full sm:mx-4 sm:w-auto sm:max-w-xl sm:flex-1">
          <SearchBox />
        </div>
      </div>
    </header>
  )
}

function AccountLink({ to, label, children }: { to: string; label: string; children?: ReactNode }) {
  const { href } = useI18n()
  return (
    <Link to={href(to)} className={iconLink} aria-label={label}>
      <UserRound className="size-6" aria-hidden="true" />
      {children}
    </Link>
  )
}
