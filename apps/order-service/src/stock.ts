import {
  ProductServiceClient,
  ReservationOutcome,
  type CheckedLine,
  type Reservation,
  type Shortage,
  type StockLine,
} from '@halles/contracts/product-grpc'
import { coalesce } from '@halles/service/coalesce'
import type { Trust } from '@halles/service/config'
import { ask, patient } from '@halles/service/grpc'
import { calling } from '@halles/service/peers'

/** How long product-service may take for one try, in milliseconds. */
const TRY = 4000
/**
 * How long a caller waits in all, its turn and a restart of product-service included, in milliseconds. An intent outlives
 * its hold: see SWEEP_AFTER.
 */
const WITHIN = 6000

/** How long a try may take, in milliseconds, when its caller waits until `deadline`. */
const tryUntil = (deadline: number): number => Math.min(TRY, deadline - Date.now())

/** What the shelf says of one line. `price` is euros for one; without a product it cannot be had at all. */
export type ShelfLine = { available: number; product?: { name: string; price: number } }

/** What became of a reservation; a refusal names each product that is missing or short. */
export type Hold =
  | { outcome: 'held' }
  | { outcome: 'refused'; shortages: { productId: string; exists: boolean; available: number }[] }
  /** Its stock was given back before: nothing is held, nor ever will be. */
  | { outcome: 'released' }

export type Stock = ReturnType<typeof stockAt>

/**
 * The neighbour: product-service's stock at `address` (host:port), as functions. What waits is asked together, each
 * order answered by itself. All of it may be repeated, and is, through a restart of product-service.
 *
 * All throw Refusal `UNAVAILABLE` when it cannot be reached, `TIMEOUT` when it is too slow.
 */
export function stockAt(address: string, trust: Trust = {}) {
  const { channel, interceptors } = calling(trust)
  const client = new ProductServiceClient(address, channel, {
    interceptors,
    // A product-service that comes back is found again within a second.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
    'grpc.keepalive_time_ms': 20_000,
    // 64 orders of 100 lines, each with its product's name and picture: more than the usual 4 MB.
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
  })

  const throughRestart = patient()

  return {
    /** Looks: for each line, in order, what the shelf says. */
    check: coalesce(
      async (orders: StockLine[][], deadline): Promise<ShelfLine[][]> => {
        const asked = orders.flat().filter(mayExist)
        const { items } = await throughRestart(deadline, () =>
          ask(client.checkStock.bind(client), { items: asked }, tryUntil(deadline)),
        )
        if (items.length !== asked.length)
          throw new Error(`product-service answered ${items.length} lines of ${asked.length}`)
        const answers = items.values()
        return orders.map((lines) => lines.map((line) => (mayExist(line) ? shelfLine(answers.next().value) : none)))
      },
      { lanes: 1, max: 64, within: WITHIN },
    ),

    /** Holds a whole order's stock or none of it; again for the same order answers the same. */
    hold: coalesce(
      async (orders: { orderId: string; items: StockLine[] }[], deadline): Promise<(Hold | Error)[]> => {
        const { reservations } = await throughRestart(deadline, () =>
          ask(client.reserveStocks.bind(client), { orders }, tryUntil(deadline)),
        )
        return orders.map((_, i) => holdOf(reservations[i]))
      },
      { lanes: 1, max: 64, within: WITHIN },
    ),

    /** Gives an order's stock back, once, however often it is called; what was never held never will be. */
    release: async (orderId: string): Promise<void> => {
      const deadline = Date.now() + WITHIN
      await throughRestart(deadline, () => ask(client.releaseStock.bind(client), { orderId }, tryUntil(deadline)))
    },

    /** Rejects unless product-service can be reached within 2 s, lets us in, and answers. */
    ping: async (): Promise<void> => {
      const deadline = Date.now() + 2000
      await new Promise<void>((resolve, reject) => {
        client.waitForReady(deadline, (error) => (error ? reject(error) : resolve()))
      })
      await ask(client.checkStock.bind(client), { items: [] }, deadline - Date.now())
    },

    close: (): void => client.close(),
  }
}

/**
 * No product has such an id. It is not asked for: a request that is refused for one line would be refused for all the
 * orders in it.
 */
const mayExist = ({ productId }: StockLine): boolean => productId.trim() !== '' && productId.length <= 100

const none: ShelfLine = { available: 0 }

function shelfLine(line: CheckedLine | undefined): ShelfLine {
  if (!line?.details) return none
  const { name, priceCents } = line.details
  return { available: line.availableQuantity, product: { name, price: priceCents / 100 } }
}

function holdOf(reservation: Reservation | undefined): Hold | Error {
  switch (reservation?.outcome) {
    case ReservationOutcome.HELD:
      return { outcome: 'held' }
    case ReservationOutcome.REFUSED:
      return { outcome: 'refused', shortages: reservation.shortages.map(shortageOf) }
    case ReservationOutcome.RELEASED:
      return { outcome: 'released' }
    default:
      return new Error(`product-service answered ${reservation?.outcome ?? 'nothing'} to a reservation`)
  }
}

const shortageOf = ({ productId, exists, availableQuantity }: Shortage) => ({
  productId,
  exists,
  available: availableQuantity,
})
