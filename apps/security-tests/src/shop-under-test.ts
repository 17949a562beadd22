import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { userError } from '@halles/test-servers'
import { startShop, type ShopAddresses } from '@halles/dev-shop'
import type { Service } from './endpoints/endpoints.ts'
import { readRuntimeRoutes, recordRoutes, type RuntimeRoutes } from './endpoints/runtime-routes.ts'

/** The gRPC metadata with the secret by which services authenticate each other. */
export const PEER_SECRET_HEADER = 'x-peer-secret'

/** A shop on this machine, with the addresses of all its services and servers. */
export type LocalShop = Pick<
  ShopAddresses,
  'gateway' | 'gatewayOperator' | 'services' | 'productGrpc' | 'mongodb' | 'kafka' | 'mailbox'
> & {
  /** The account of an admin. */
  admin: { email: string; password: string }
  /** The secret by which services authenticate each other over gRPC. */
  peerSecret: string
  /** The folder of the services' logs. */
  logs: string
  /** The routes that the services and the gateway have registered. */
  routes: RuntimeRoutes
  /** The factor on auth-service's limits for failed sign-ins. */
  throttlingScale: number
}

/** Any shop. Of a remote one only the gateway and an admin account are known. */
export type ShopUnderTest = Pick<LocalShop, 'gateway' | 'admin'> & Partial<LocalShop>

/** The tests register hundreds of users from one address, and yet must reach the limit for failed sign-ins. */
const THROTTLING_SCALE = 25

const dataFolder = path.resolve(import.meta.dirname, '../../../.data')

/** The shop that `npm start` is running on this machine, if any. */
export function findRunningShop(): ShopUnderTest | undefined {
  const file = path.join(dataFolder, 'running.json')
  if (!existsSync(file)) return undefined
  const { accounts, ...running } = JSON.parse(readFileSync(file, 'utf8')) as ShopAddresses
  return { ...running, admin: accounts.admin, logs: path.join(dataFolder, 'logs') }
}

/**
 * The shop with this gateway: the one that `npm start` is running, with all its addresses, or a remote one.
 *
 * @throws a user error when the URL is invalid, or when a remote shop comes without an admin account
 */
export function findShop(gateway: string, admin: ShopUnderTest['admin'] | undefined): ShopUnderTest {
  if (!URL.canParse(gateway)) throw userError(`${gateway} is not a URL; an example: --gateway http://127.0.0.1:4000`)
  const running = findRunningShop()
  if (running && new URL(running.gateway).href === new URL(gateway).href) return running
  if (!admin)
    throw userError('For a remote shop set HALLES_ADMIN_EMAIL and HALLES_ADMIN_PASSWORD to the account of an admin.')
  return { gateway: gateway.replace(/\/+$/, ''), admin }
}

/** Starts a shop for the tests, configured as in production except for TLS. `stop` ends it. */
export async function startShopUnderTest({
  onProgress,
  signal,
}: {
  onProgress?: (line: string) => void
  signal?: AbortSignal
} = {}): Promise<LocalShop & { stop: () => Promise<void> }> {
  const peerSecret = randomBytes(24).toString('base64url')
  const routesFolder = await mkdtemp(path.join(tmpdir(), 'halles-routes-'))
  const removeRoutesFolder = (): Promise<void> => rm(routesFolder, { recursive: true, force: true })
  const grpcSecret = { GRPC_SECRET: peerSecret }
  try {
    const shop = await startShop({
      env: {
        gateway: { ...recordRoutes(routesFolder, 'gateway'), MAX_OPEN_REQUESTS: '100' },
        auth: { ...recordRoutes(routesFolder, 'auth'), THROTTLING_SCALE: String(THROTTLING_SCALE) },
        product: { ...recordRoutes(routesFolder, 'product'), ...grpcSecret },
        order: { ...recordRoutes(routesFolder, 'order'), ...grpcSecret },
        notification: recordRoutes(routesFolder, 'notification'),
      },
      ...(onProgress && { onProgress }),
      ...(signal && { signal }),
    })
    const { accounts, ...running } = shop.running
    const routesOf = (name: Service) => readRuntimeRoutes(routesFolder, name, running.services[name])
    const routes = {
      auth: routesOf('auth'),
      product: routesOf('product'),
      order: routesOf('order'),
      notification: routesOf('notification'),
      gateway: readRuntimeRoutes(routesFolder, 'gateway', running.gateway),
      gatewayOperator: readRuntimeRoutes(routesFolder, 'gateway', running.gatewayOperator),
    }
    return {
      ...running,
      admin: accounts.admin,
      peerSecret,
      logs: shop.logs,
      routes,
      throttlingScale: THROTTLING_SCALE,
      stop: async () => {
        await shop.stop()
        await removeRoutesFolder()
      },
    }
  } catch (error) {
    await removeRoutesFolder()
    throw error
  }
}
