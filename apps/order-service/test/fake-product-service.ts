import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import {
  ProductServiceService,
  ReservationOutcome,
  type ProductServiceServer,
  type Reservation,
  type ReserveStockRequest,
} from '@halles/contracts/product-grpc'
import { newId } from '@halles/service/ids'

type Product = { id: string; name: string; cents: number; stock: number }
type Call = keyof typeof ProductServiceService

/** A door of product-service, on a free port unless one is named, behind which `answers` answer. */
export async function serveProducts(
  answers: ProductServiceServer,
  port = 0,
): Promise<{ address: string; stop: () => void }> {
  const server = new Server()
  server.addService(ProductServiceService, answers)
  const taken = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  return { address: `127.0.0.1:${taken}`, stop: () => server.forceShutdown() }
}

/**
 * A shelf that really keeps stock, by the rules of product.proto, behind a real gRPC door: for tests of this service
 * alone. `trouble` may make a call wait or fail; `calls` counts them.
 */
export async function startShelf({ port = 0 } = {}) {
  const products = new Map<string, Product>()
  const ledger = new Map<string, 'released' | { items: ReserveStockRequest['items'] }>()
  const calls: Record<string, number> = {}
  /** Runs before a call is answered ('before') or when its answer is on its way and may get lost ('after'). */
  const trouble: { before?: (call: Call) => Promise<void> | void; after?: (call: Call) => Promise<void> | void } = {}

  const reserve = ({ orderId, items }: ReserveStockRequest): Reservation => {
    const known = ledger.get(orderId)
    if (known === 'released') return { orderId, outcome: ReservationOutcome.RELEASED, shortages: [] }
    if (known) return { orderId, outcome: ReservationOutcome.HELD, shortages: [] }
    const shortages = items
      .filter(({ productId, quantity }) => (products.get(productId)?.stock ?? -1) < quantity)
      .map(({ productId }) => {
        const product = products.get(productId)
        return { productId, exists: product !== undefined, availableQuantity: product?.stock ?? 0 }
      })
    if (shortages.length > 0) return { orderId, outcome: ReservationOutcome.REFUSED, shortages }
    for (const { productId, quantity } of items) products.get(productId)!.stock -= quantity
    ledger.set(orderId, { items })
    return { orderId, outcome: ReservationOutcome.HELD, shortages: [] }
  }

  const release = (orderId: string): boolean => {
    const known = ledger.get(orderId)
    ledger.set(orderId, 'released')
    if (known === undefined || known === 'released') return false
    for (const { productId, quantity } of known.items) products.get(productId)!.stock += quantity
    return true
  }

  const method =
    <Q, A>(name: Call, answer: (request: Q) => A) =>
    (call: ServerUnaryCall<Q, A>, reply: sendUnaryData<A>): void => {
      calls[name] = (calls[name] ?? 0) + 1
      const run = async () => {
        await trouble.before?.(name)
        const answered = answer(call.request)
        await trouble.after?.(name)
        return answered
      }
      run().then(
        (answered) => reply(null, answered),
        (error: unknown) => reply({ code: status.UNAVAILABLE, details: String(error) }),
      )
    }

  const { address, stop } = await serveProducts(
    {
      checkStock: method('checkStock', ({ items }) => ({
        items: items.map(({ productId, quantity }) => {
          const product = products.get(productId)
          if (!product) return { productId, available: false, availableQuantity: 0, details: undefined }
          const details = { name: product.name, priceCents: product.cents, image: '' }
          return { productId, available: product.stock >= quantity, availableQuantity: product.stock, details }
        }),
      })),
      reserveStock: method('reserveStock', (request) => ({ reservation: reserve(request) })),
      reserveStocks: method('reserveStocks', ({ orders }) => ({ reservations: orders.map(reserve) })),
      releaseStock: method('releaseStock', ({ orderId }) => ({ released: release(orderId) })),
    },
    port,
  )

  return {
    address,
    stop,
    calls,
    trouble,
    ledger,
    /** Puts a new product on the shelf; `price` is euros. */
    put: ({ price = 10, stock = 100, name = 'Comté 18 mois' } = {}): Product => {
      const product = { id: newId(), name, cents: Math.round(price * 100), stock }
      products.set(product.id, product)
      return product
    },
    remove: (id: string): void => void products.delete(id),
  }
}

export type Shelf = Awaited<ReturnType<typeof startShelf>>
