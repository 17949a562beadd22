import { useEffect, useState } from 'react'
import { useRevalidator } from 'react-router'
import { OrderChangedDocument } from './gen/order-changed.ts'
import type { OrderDetailsFragment } from './gen/order-details.ts'

/** How often the page asks for the order while it is not told of changes, in milliseconds. */
const POLL_INTERVAL = 15_000

/** When the page asks for the e-mails about a change, in milliseconds after it: they are written after the change itself. */
const EMAIL_DELAY = 3000

/**
 * Keeps an order up to date while its page is visible, until its last status: the gateway tells of each change. Where it cannot, the
 * page asks from time to time.
 *
 * @param loaded the order as the page has loaded it
 * @returns the order with its newest status
 */
export function useLiveOrder(loaded: OrderDetailsFragment): OrderDetailsFragment {
  const { revalidate } = useRevalidator()
  const [told, setTold] = useState<OrderDetailsFragment>()
  // A loaded order with the same status is newer: it has the e-mails.
  const order = told?.id === loaded.id && told.statusHistory.length > loaded.statusHistory.length ? told : loaded
  const isFinal = order.status === 'LIVREE' || order.status === 'ANNULEE'

  useEffect(() => {
    if (isFinal) return
    let connection: AbortController | undefined
    let isLive = false
    const open = async ({ signal }: AbortController): Promise<void> => {
      const { follow } = await import('../api/follow.ts')
      const follower = {
        onData: ({ orderChanged }: { orderChanged: OrderDetailsFragment }) => setTold(orderChanged),
        onLive: (live: boolean) => {
          isLive = live
        },
      }
      await follow(OrderChangedDocument, { id: loaded.id }, follower, signal)
    }
    // A hidden tab takes no connection, of which a browser has six for a site.
    const adapt = (): void => {
      if (document.visibilityState === 'visible' && connection === undefined) {
        connection = new AbortController()
        void open(connection)
      } else if (document.visibilityState !== 'visible') {
        connection?.abort()
        connection = undefined
      }
    }
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible' && !isLive) void revalidate()
    }, POLL_INTERVAL)
    document.addEventListener('visibilitychange', adapt)
    adapt()
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', adapt)
      connection?.abort()
    }
  }, [isFinal, loaded.id, revalidate])

  const changes = told?.id === loaded.id ? told.statusHistory.length : 0
  useEffect(() => {
    if (changes <= 1) return
    const timer = setTimeout(() => void revalidate(), EMAIL_DELAY)
    return () => clearTimeout(timer)
  }, [changes, revalidate])

  return order
}
