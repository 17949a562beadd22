import { isRouteErrorResponse, Link, NavLink, Outlet } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'
import { languageOf } from '../i18n/language.ts'
import { AccountMenu } from '../layout/account-menu.tsx'
import { Footer } from '../layout/footer.tsx'
import { Logo } from '../layout/logo.tsx'
import { PageStatus } from '../layout/page-status.tsx'
import { describeError } from '../api/errors.ts'
import { useSession } from '../session/use-session.ts'
import { ButtonLink } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { PageSkeleton } from '../ui/skeleton.tsx'
import type { Route } from './+types/staff-layout.ts'
import type { StaffMessages } from './i18n/fr.ts'
import { requireStaff } from './require-staff.ts'
import { loadStaffMessages, StaffMessagesContext } from './staff-i18n.ts'

/** The areas of the desk, in the order of the navigation. */
const areas = [{ path: '/staff', name: 'overview' }] as const satisfies {
  path: string
  name: keyof StaffMessages['areas']
}[]

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  return loadStaffMessages(languageOf(new URL(request.url).pathname))
}
clientLoader.hydrate = true as const

export function HydrateFallback() {
  return (
    <main className="mx-auto max-w-7xl px-4 py-10">
      <PageSkeleton />
    </main>
  )
}

/** What every page of the staff desk has: its own header with the areas, and the shop's notices and footer. */
export default function StaffLayout({ loaderData: messages }: Route.ComponentProps) {
  const { messages: shop, href } = useI18n()
  const session = useSession()
  return (
    <StaffMessagesContext value={messages}>
      <div className="flex min-h-dvh flex-col">
        <PageStatus />
        <header className="sticky top-0 z-40 border-b border-line bg-surface">
          <div className="mx-auto flex max-w-7xl flex-wrap items-center gap-x-4 px-4 py-2 lg:flex-nowrap">
            <Link to={href('/staff')} className="flex min-h-11 items-center gap-3 rounded-lg text-brand">
              <Logo />
              <span className="border-l border-line pl-3 text-sm font-semibold text-muted">{shop.staff.desk}</span>
            </Link>
            <div className="ml-auto flex items-center gap-2 lg:order-last">
              <Link
                to={href('/')}
                className="hidden min-h-11 items-center rounded-full px-3 font-medium hover:bg-sunken sm:flex"
              >
                {messages.toShop}
              </Link>
              {session.status === 'signed-in' && <AccountMenu user={session.user} />}
            </div>
            <nav
              aria-label={messages.nav}
              className="-mx-4 flex w-screen overflow-x-auto px-4 lg:mx-0 lg:w-auto lg:px-0"
            >
              {areas.map(({ path, name }) => (
                <NavLink
                  key={path}
                  to={href(path)}
                  end={path === '/staff'}
                  prefetch="intent"
                  className={({ isActive }) =>
                    `inline-flex min-h-11 shrink-0 items-center border-b-2 px-3 font-medium ${isActive ? 'border-accent text-ink' : 'border-transparent text-muted hover:text-ink'}`
                  }
                >
                  {messages.areas[name]}
                </NavLink>
              ))}
            </nav>
          </div>
        </header>
        <main id="content" tabIndex={-1} className="mx-auto w-full max-w-7xl flex-1 px-4 py-6 outline-none sm:py-8">
          <Outlet />
        </main>
        <Footer />
      </div>
    </StaffMessagesContext>
  )
}

/** The page for those who may not enter, and for errors of the desk's pages. */
export function ErrorBoundary({ error }: Route.ErrorBoundaryProps) {
  const { messages, href } = useI18n()
  const texts = messages.staff
  const forbidden = isRouteErrorResponse(error) && error.status === 403
  const missing = isRouteErrorResponse(error) && error.status === 404
  const title = forbidden ? texts.forbiddenTitle : missing ? messages.errors.notFoundTitle : messages.errors.pageTitle
  const text = forbidden ? texts.forbiddenText : missing ? messages.errors.notFoundText : describeError(error, messages)
  return (
    <main id="content" className="mx-auto max-w-2xl px-4 py-20">
      <PageStatus />
      <title>{`${title} · Halles`}</title>
      <EmptyState title={title} text={text}>
        <ButtonLink to={href(forbidden ? '/' : '/staff')} reloadDocument>
          {forbidden ? messages.nav.home : texts.desk}
        </ButtonLink>
      </EmptyState>
    </main>
  )
}
