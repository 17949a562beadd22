import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import {
  ProductServiceService,
  ReservationOutcome,
  type ProductServiceServer,
  type Reservation,
  type ReserveStockRequest,
} from '@halles/contracts/product-grpc'
import { newId } from '@halles/mongo/ids'
import { toCents } from '@halles/validation/money'

type Product = { id: string; name: string; cents: number; stock: number }
type Method = keyof typeof ProductServiceService
type Hook = (method: Method) => Promise<void> | void

/** Serves these implementations of product-service's gRPC methods, on a free port unless one is given. */
export async function serveProducts(
  methods: ProductServiceServer,
  port = 0,
): Promise<{ address: string; stop: () => void }> {
  const server = new Server()
  server.addService(ProductServiceService, methods)
  const boundPort = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  return { address: `127.0.0.1:${boundPort}`, stop: () => server.forceShutdown() }
}

export type FakeProductService = Awaited<ReturnType<typeof startFakeProductService>>

/**
 * Starts a product-service that keeps stock in memory by the rules of product.proto, behind a real gRPC server.
 * `faults` may delay or fail a call; `calls` counts them.
 */
export async function startFakeProductService({ port = 0 } = {}) {
  const products = new Map<string, Product>()
  const reservations = new Map<string, 'released' | { items: ReserveStockRequest['items'] }>()
  const calls: Record<string, number> = {}
  /** Hooks that run before a call takes effect, or after it took effect and before it is answered. */
  const faults: { before?: Hook; after?: Hook } = {}

  const reserve = ({ orderId, items }: ReserveStockRequest): Reservation => {
    const known = reservations.get(orderId)
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
    reservations.set(orderId, { items })
    return { orderId, outcome: ReservationOutcome.HELD, shortages: [] }
  }

  const release = (orderId: string): boolean => {
    const known = reservations.get(orderId)
    reservations.set(orderId, 'released')
    if (known === undefined || known === 'released') return false
    for (const { productId, quantity } of known.items) products.get(productId)!.stock += quantity
    return true
  }

  const implement =
    <Q, A>(method: Method, answer: (request: Q) => A) =>
    (call: ServerUnaryCall<Q, A>, reply: sendUnaryData<A>): void => {
      calls[method] = (calls[method] ?? 0) + 1
      const run = async () => {
        await faults.before?.(method)
        const response = answer(call.request)
        await faults.after?.(method)
        return response
      }
      run().then(
        (response) => reply(null, response),
        (error: unknown) => reply({ code: status.UNAVAILABLE, details: String(error) }),
      )
    }

  const { address, stop } = await serveProducts(
    {
      checkStock: implement('checkStock', ({ items }) => ({
        items: items.map(({ productId, quantity }) => {
          const product = products.get(productId)
          if (!product) return { productId, available: false, availableQuantity: 0, details: undefined }
          const details = { name: product.name, priceCents: product.cents, image: '' }
          return { productId, available: product.stock >= quantity, availableQuantity: product.stock, details }
        }),
      })),
      reserveStock: implement('reserveStock', (request) => ({ reservation: reserve(request) })),
      reserveStocks: implement('reserveStocks', ({ orders }) => ({ reservations: orders.map(reserve) })),
      releaseStock: implement('releaseStock', ({ orderId }) => ({ released: release(orderId) })),
    },
    port,
  )

  return {
    address,
    stop,
    calls,
    faults,
    /** Adds a product; `price` is euros. */
    addProduct: ({ price = 10, stock = 100, name = 'Comté 18 mois' } = {}): Product => {
      const product = { id: newId(), name, cents: toCents(price), stock }
      products.set(product.id, product)
      return product
    },
  }
}
