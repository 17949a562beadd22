import { Outlet } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'
import { Footer } from './footer.tsx'
import { Header } from './header.tsx'
import { PageStatus } from './page-status.tsx'

/** What every page of the shop has: header, notices, footer. */
export default function ShopLayout() {
  const { messages } = useI18n()
  return (
    <div className="flex min-h-dvh flex-col">
      <PageStatus />
      <Header />
      <noscript>
        <p className="bg-warn-soft px-4 py-2 text-center font-medium text-warn">{messages.errors.noScript}</p>
      </noscript>
      <main id="content" tabIndex={-1} className="mx-auto w-full max-w-6xl flex-1 px-4 py-6 outline-none sm:py-10">
        <Outlet />
      </main>
      <Footer />
    </div>
  )
}
