import { Server, type ServerCredentials } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import {
  ProductServiceService,
  productFileDescriptor,
  ReservationOutcome,
  type CheckedLine as CheckedLineMessage,
  type ProductServiceServer,
  type Reservation as ReservationMessage,
} from '@halles/contracts/product-grpc'
import type { Trust } from '@halles/service/config'
import { unary } from '@halles/service/grpc'
import type { Logger } from '@halles/service/log'
import { listeningTo } from '@halles/service/peers'
import { reader } from '@halles/service/schema'
import { HealthImplementation, service as healthService } from 'grpc-health-check'
import { checkStock, type CheckedLine } from './check-stock.ts'
import { releaseStock } from './release-stock.ts'
import { CheckStock, ReleaseStock, ReserveStock, ReserveStocks, type Reservation } from './reservation.ts'
import { reserveStock } from './reserve-stock.ts'
import type { Shop } from './shop.ts'

const SERVICE = 'halles.product.v1.ProductService'
/** How often the health service looks whether this service can do its work, in milliseconds. */
const LOOK_EVERY = 2000
/** How long calls under way may take when the server closes, in milliseconds. */
const CLOSE_WITHIN = 5000

const readCheck = reader(CheckStock)
const readReserve = reader(ReserveStock)
const readReserveMany = reader(ReserveStocks)
const readRelease = reader(ReleaseStock)

const outcomes = {
  held: ReservationOutcome.HELD,
  refused: ReservationOutcome.REFUSED,
  released: ReservationOutcome.RELEASED,
} as const

/** The methods of halles.product.v1.ProductService: in, call, out. */
const methods = (shop: Shop, log: Logger): ProductServiceServer => ({
  checkStock: unary(log, async (request) => {
    const lines = await checkStock(shop, readCheck(request).items)
    return { items: lines.map(checkedLine) }
  }),
  reserveStock: unary(log, async (request, deadline) => ({
    reservation: reservation(await reserveStock(shop, readReserve(request), deadline)),
  })),
  reserveStocks: unary(log, async (request, deadline) => {
    const { orders } = readReserveMany(request)
    const reservations = await Promise.all(orders.map((order) => reserveStock(shop, order, deadline)))
    return { reservations: reservations.map(reservation) }
  }),
  releaseStock: unary(log, async (request) => ({ released: await releaseStock(shop, readRelease(request).orderId) })),
})

const checkedLine = ({ product, ...line }: CheckedLine): CheckedLineMessage => ({
  ...line,
  details: product && {
    name: product.name,
    priceCents: Math.round(product.price * 100),
    image: product.image ?? '',
  },
})

const reservation = ({ orderId, outcome, shortages }: Reservation): ReservationMessage => ({
  orderId,
  outcome: outcomes[outcome],
  shortages: shortages.map(({ available, ...shortage }) => ({ ...shortage, availableQuantity: available })),
})

/**
 * Serves gRPC for peers, with the standard health and reflection services, and gives back the port and how to stop: calls
 * under way are answered first, for up to 5 s. `ready` rejects when this service cannot do its work now, `trust` is how
 * peers are known.
 *
 * @throws Error with a sentence when the port cannot be had, or a certificate is none
 */
export async function serveGrpc(
  shop: Shop,
  {
    host,
    port,
    trust = {},
    ready,
    log,
  }: { host: string; port: number; trust?: Trust; ready: () => Promise<unknown>; log: Logger },
) {
  const { interceptors, door } = listeningTo(trust)
  const server = new Server({ interceptors })
  server.addService(ProductServiceService, methods(shop, log))

  const health = new HealthImplementation()
  health.addToServer(server)
  const tell = (status: 'SERVING' | 'NOT_SERVING'): void => {
    for (const name of ['', SERVICE]) health.setStatus(name, status)
  }
  let closing = false
  const look = async (): Promise<void> => {
    const well = await ready().then(
      () => true,
      () => false,
    )
    tell(well && !closing ? 'SERVING' : 'NOT_SERVING')
  }

  // Reflection asks a package definition for nothing but these bytes.
  const described = { fileDescriptorProtos: [productFileDescriptor, ...healthDescriptors()] }
  new ReflectionService({ [SERVICE]: described } as never).addToServer(server)

  await look()
  const bound = await bind(server, door, host, port)
  const looking = setInterval(() => void look(), LOOK_EVERY)
  const close = async (): Promise<void> => {
    clearInterval(looking)
    closing = true
    tell('NOT_SERVING')
    const late = setTimeout(() => server.forceShutdown(), CLOSE_WITHIN)
    await new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
    clearTimeout(late)
  }
  return { port: bound, close }
}

function healthDescriptors(): Uint8Array[] {
  const { requestType } = healthService['Check'] as { requestType: { fileDescriptorProtos: Uint8Array[] } }
  return requestType.fileDescriptorProtos
}

const bind = (server: Server, door: ServerCredentials, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
    server.bindAsync(address, door, (error, bound) => {
      if (!error) return resolve(bound)
      reject(
        new Error(`gRPC cannot listen at ${address}: is the port taken? Set GRPC_PORT to a free one.`, {
          cause: error,
        }),
      )
    })
  })
