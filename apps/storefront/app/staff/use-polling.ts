import { useEffect } from 'react'
import { useRevalidator } from 'react-router'

/**
 * Loads the page's data again and again while it is visible and something is expected to change.
 *
 * @param interval in milliseconds
 */
export function usePolling(active: boolean, interval: number): void {
  const { revalidate } = useRevalidator()
  useEffect(() => {
    if (!active) return
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void revalidate()
    }, interval)
    return () => clearInterval(timer)
  }, [active, interval, revalidate])
}
