import { useEffect } from 'react'
import { useRevalidator } from 'react-router'
import type { OrderStatus } from '../gen/schema.ts'

/** How often the page asks for an order that may still change, in milliseconds. */
const INTERVAL = 5_000

/** Keeps the page of an order up to date while it is visible, until its last status. */
export function useFreshOrder({ status }: { status: OrderStatus }): void {
  const { revalidate } = useRevalidator()
  const isFinal = status === 'LIVREE' || status === 'ANNULEE'
  useEffect(() => {
    if (isFinal) return
    const refresh = (): void => {
      if (document.visibilityState === 'visible') void revalidate()
    }
    const timer = setInterval(refresh, INTERVAL)
    document.addEventListener('visibilitychange', refresh)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', refresh)
    }
  }, [isFinal, revalidate])
}
