import { useEffect, useSyncExternalStore } from 'react'
import { useNavigation } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'

const subscribeToConnection = (listener: () => void): (() => void) => {
  window.addEventListener('online', listener)
  window.addEventListener('offline', listener)
  return () => {
    window.removeEventListener('online', listener)
    window.removeEventListener('offline', listener)
  }
}

/** Says that the device has no connection. */
function OfflineNotice() {
  const { messages } = useI18n()
  const online = useSyncExternalStore(
    subscribeToConnection,
    () => navigator.onLine,
    () => true,
  )
  return (
    <div role="status" className="sticky top-0 z-50">
      {!online && <p className="bg-warn-soft px-4 py-2 text-center font-medium text-warn">{messages.errors.offline}</p>}
    </div>
  )
}

/** A thin bar while the next page loads. It appears after 150 ms, so that fast pages do not flash. */
function LoadingBar() {
  const { messages } = useI18n()
  const loading = useNavigation().state !== 'idle'
  return (
    <div role="status" className="pointer-events-none fixed inset-x-0 top-0 z-50 h-1 overflow-hidden">
      {loading && (
        <>
          <div className="loading-bar h-full bg-accent" />
          <span className="sr-only">{messages.loading}</span>
        </>
      )}
    </div>
  )
}

/** The top of every page: a link past the navigation, whether a page is loading, and whether the device has a connection. */
export function PageStatus() {
  const { messages } = useI18n()
  useEffect(() => {
    // Tells the stories (Playwright) that the page answers to clicks.
    document.documentElement.dataset['hydrated'] = 'true'
  }, [])
  return (
    <>
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:fixed focus:left-2 focus:top-2 focus:z-50 focus:rounded-lg focus:bg-surface focus:px-4 focus:py-2"
      >
        {messages.nav.skip}
      </a>
      <LoadingBar />
      <OfflineNotice />
    </>
  )
}
