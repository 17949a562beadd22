import { Server, type ServerCredentials } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import {
  ProductServiceService,
  productFileDescriptor,
  ReservationOutcome,
  type CheckedLine,
  type ProductServiceServer,
  type Reservation as ReservationMessage,
} from '@halles/contracts/product-grpc'
import type { PeerCredentials } from '@halles/config/config'
import { unaryHandler } from '@halles/grpc/grpc'
import type { Logger } from '@halles/telemetry/log'
import { toCents } from '@halles/validation/money'
import { createServerCredentials } from '@halles/grpc/peer-credentials'
import { createParser } from '@halles/validation/schema'
import { waitAtMost } from '@halles/concurrency/with-timeout'
import { HealthImplementation, service as healthService } from 'grpc-health-check'
import { CheckStock, ReleaseStock, ReserveStock, ReserveStocks, type Reservation } from './stock/reservation.ts'
import type { LineAvailability, ReservationStore } from './stock/reservations.ts'

const SERVICE = 'halles.product.v1.ProductService'
/** How often the health status is updated, in milliseconds. */
const HEALTH_INTERVAL_MS = 2000
/** How long calls in flight may take when the server closes, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5000

const parseCheckStock = createParser(CheckStock)
const parseReserveStock = createParser(ReserveStock)
const parseReserveStocks = createParser(ReserveStocks)
const parseReleaseStock = createParser(ReleaseStock)

const outcomes = {
  held: ReservationOutcome.HELD,
  refused: ReservationOutcome.REFUSED,
  released: ReservationOutcome.RELEASED,
} as const

/** Creates the handlers of the gRPC methods. A peer needs no further rights: the server's credentials admit peers only. */
const createHandlers = (reservations: ReservationStore, log: Logger): ProductServiceServer => ({
  checkStock: unaryHandler(log, async (request) => {
    const lines = await reservations.check(parseCheckStock(request).items)
    return { items: lines.map(toCheckedLine) }
  }),
  reserveStock: unaryHandler(log, async (request, deadline) => ({
    reservation: toReservationMessage(await reservations.reserve({ ...parseReserveStock(request), deadline })),
  })),
  reserveStocks: unaryHandler(log, async (request, deadline) => {
    const { orders } = parseReserveStocks(request)
    const results = await Promise.all(orders.map((order) => reservations.reserve({ ...order, deadline })))
    return { reservations: results.map(toReservationMessage) }
  }),
  releaseStock: unaryHandler(log, async (request, deadline) => ({
    released: await reservations.release(parseReleaseStock(request).orderId, { deadline }),
  })),
})

const toCheckedLine = ({ product, ...line }: LineAvailability): CheckedLine => ({
  ...line,
  details: product && { name: product.name, priceCents: toCents(product.price), image: product.image ?? '' },
})

const toReservationMessage = ({ orderId, outcome, shortages }: Reservation): ReservationMessage => ({
  orderId,
  outcome: outcomes[outcome],
  shortages: shortages.map(({ available, ...shortage }) => ({ ...shortage, availableQuantity: available })),
})

type Deps = {
  reservations: ReservationStore
  /** Rejects when the service cannot serve calls now. */
  checkHealth: () => Promise<unknown>
  log: Logger
}

/**
 * Starts the gRPC server for peers, with the standard health and reflection services, and returns its port and a function
 * that closes it: calls in flight are answered first, for up to 5 s. `peerCredentials` is how peers authenticate.
 *
 * @throws Error when the port cannot be bound, or the TLS certificate is invalid
 */
export async function startGrpcServer(
  { reservations, checkHealth, log }: Deps,
  { host, port, peerCredentials = {} }: { host: string; port: number; peerCredentials?: PeerCredentials },
) {
  const { interceptors, credentials } = createServerCredentials(peerCredentials)
  const server = new Server({ interceptors })
  server.addService(ProductServiceService, createHandlers(reservations, log))

  const health = new HealthImplementation()
  health.addToServer(server)
  const setHealth = (status: 'SERVING' | 'NOT_SERVING'): void => {
    for (const name of ['', SERVICE]) health.setStatus(name, status)
  }
  let isClosing = false
  const updateHealth = async (): Promise<void> => {
    const isHealthy = await checkHealth().then(
      () => true,
      () => false,
    )
    setHealth(isHealthy && !isClosing ? 'SERVING' : 'NOT_SERVING')
  }

  // The reflection service uses nothing of a package definition but these bytes.
  const descriptors = { fileDescriptorProtos: [productFileDescriptor, ...healthDescriptors()] }
  new ReflectionService({ [SERVICE]: descriptors } as never).addToServer(server)

  await updateHealth()
  const boundPort = await bind(server, credentials, host, port)
  const healthTimer = setInterval(() => void updateHealth(), HEALTH_INTERVAL_MS)
  const close = async (): Promise<void> => {
    clearInterval(healthTimer)
    isClosing = true
    setHealth('NOT_SERVING')
    const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
    if (await waitAtMost(drained, CLOSE_TIMEOUT_MS)) return
    server.forceShutdown()
    await drained
  }
  return { port: boundPort, close }
}

function healthDescriptors(): Uint8Array[] {
  const { requestType } = healthService['Check'] as { requestType: { fileDescriptorProtos: Uint8Array[] } }
  return requestType.fileDescriptorProtos
}

const bind = (server: Server, credentials: ServerCredentials, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
    server.bindAsync(address, credentials, (error, boundPort) => {
      if (!error) return resolve(boundPort)
      reject(
        new Error(`gRPC cannot listen at ${address}: is the port taken? Set GRPC_PORT to a free one.`, {
          cause: error,
        }),
      )
    })
  })
