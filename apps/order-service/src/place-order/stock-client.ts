import {
  ProductServiceClient,
  ReservationOutcome,
  type CheckedLine,
  type Reservation,
  type Shortage,
  type StockLine,
} from '@halles/contracts/product-grpc'
import { createBatcher } from '@halles/concurrency/batcher'
import type { PeerCredentials } from '@halles/config/config'
import { channelTo } from '@halles/grpc/channel'
import { callUnary, createOutageRetry } from '@halles/grpc/grpc'
import { toEuros } from '@halles/validation/money'
import { createClientCredentials } from '@halles/grpc/peer-credentials'

/** How long product-service may take for one attempt, in milliseconds. */
const ATTEMPT_TIMEOUT = 4000
/**
 * How long a caller waits in all, in milliseconds: for its batch to start, and for a restart of product-service. A
 * pending order lives longer than its reservation takes: see WORKER_DELAY.
 */
const CALL_TIMEOUT = 6000

/** How long an attempt may take, in milliseconds, when its caller waits until `deadline` (milliseconds since 1970). */
const attemptTimeout = (deadline: number): number => Math.min(ATTEMPT_TIMEOUT, deadline - Date.now())

/** Stock and price of one line; `price` is euros for one. Without a product the line is not on sale. */
export type CheckedStock = { available: number; product?: { name: string; price: number } }

/** Outcome of reserving the stock of an order; a refused reservation names each product that is missing or short. */
export type ReservationResult =
  | { outcome: 'held' }
  | { outcome: 'refused'; shortages: { productId: string; exists: boolean; available: number }[] }
  /** The order was released before (tombstone): nothing is held, nor ever will be. */
  | { outcome: 'released' }

export type StockClient = ReturnType<typeof createStockClient>

/**
 * Creates the gRPC client of product-service's stock at `addresses` (host:port, or several IPv4:port separated by commas).
 * Concurrent calls are sent in one batch, each order with its own result. Every call is idempotent, and is retried through a
 * restart of product-service.
 *
 * `check` and `reserve` take the deadline of their caller: a call that has not been sent by then never is.
 *
 * All methods throw AppError `UNAVAILABLE` when product-service cannot be reached, `TIMEOUT` when it is too slow.
 */
export function createStockClient(addresses: string, peerCredentials: PeerCredentials = {}) {
  const { channel, interceptors } = createClientCredentials(peerCredentials)
  const { target, options } = channelTo(addresses)
  const client = new ProductServiceClient(target, channel, {
    ...options,
    interceptors,
    // A connection that nobody answers on any more, as after a power failure, is replaced within 7 s. An answer may take as
    // long as an attempt.
    'grpc.keepalive_time_ms': 2500,
    'grpc.keepalive_timeout_ms': ATTEMPT_TIMEOUT,
    'grpc.keepalive_permit_without_calls': 1,
    // 64 orders of 100 lines, each with its product's name and picture: more than the default of 4 MB.
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
  })

  const retryWithin = createOutageRetry()

  return {
    /** Checks stock and price of each line, in order. Reserves nothing. */
    check: createBatcher(
      async (orders: StockLine[][], deadline): Promise<CheckedStock[][]> => {
        const requested = orders.flat().filter(isPossibleProduct)
        const { items } = await retryWithin(deadline, () =>
          callUnary(client.checkStock.bind(client), { items: requested }, attemptTimeout(deadline)),
        )
        if (items.length !== requested.length)
          throw new Error(`product-service answered ${items.length} lines of ${requested.length}`)
        const answers = items.values()
        return orders.map((lines) =>
          lines.map((line) => (isPossibleProduct(line) ? toCheckedStock(answers.next().value) : notOnSale)),
        )
      },
      { concurrency: 1, maxSize: 64, timeout: CALL_TIMEOUT },
    ),

    /** Reserves the stock of a whole order, or none of it. A repeated call for the same order gives the same result. */
    reserve: createBatcher(
      async (orders: { orderId: string; items: StockLine[] }[], deadline): Promise<(ReservationResult | Error)[]> => {
        const { reservations } = await retryWithin(deadline, () =>
          callUnary(client.reserveStocks.bind(client), { orders }, attemptTimeout(deadline)),
        )
        return orders.map((_, i) => toReservationResult(reservations[i]))
      },
      { concurrency: 1, maxSize: 64, timeout: CALL_TIMEOUT },
    ),

    /**
     * Releases the stock of an order, once however often it is called. An order without a reservation gets a tombstone.
     */
    release: async (orderId: string): Promise<void> => {
      const deadline = Date.now() + CALL_TIMEOUT
      await retryWithin(deadline, () =>
        callUnary(client.releaseStock.bind(client), { orderId }, attemptTimeout(deadline)),
      )
    },

    /** Rejects unless product-service can be reached within 2 s, accepts our credentials, and answers. */
    ping: async (): Promise<void> => {
      const deadline = Date.now() + 2000
      await new Promise<void>((resolve, reject) => {
        client.waitForReady(deadline, (error) => (error ? reject(error) : resolve()))
      })
      await callUnary(client.checkStock.bind(client), { items: [] }, deadline - Date.now())
    },

    close: (): void => client.close(),
  }
}

/**
 * Whether a product can have this id. Other ids are not sent: product-service rejects a whole request for one invalid
 * line, which would fail every order in the batch.
 */
const isPossibleProduct = ({ productId }: StockLine): boolean => productId.trim() !== '' && productId.length <= 100

const notOnSale: CheckedStock = { available: 0 }

function toCheckedStock(line: CheckedLine | undefined): CheckedStock {
  if (!line?.details) return notOnSale
  const { name, priceCents } = line.details
  return { available: line.availableQuantity, product: { name, price: toEuros(priceCents) } }
}

function toReservationResult(reservation: Reservation | undefined): ReservationResult | Error {
  switch (reservation?.outcome) {
    case ReservationOutcome.HELD:
      return { outcome: 'held' }
    case ReservationOutcome.REFUSED:
      return { outcome: 'refused', shortages: reservation.shortages.map(toShortage) }
    case ReservationOutcome.RELEASED:
      return { outcome: 'released' }
    default:
      return new Error(`product-service answered ${reservation?.outcome ?? 'nothing'} to a reservation`)
  }
}

const toShortage = ({ productId, exists, availableQuantity }: Shortage) => ({
  productId,
  exists,
  available: availableQuantity,
})
