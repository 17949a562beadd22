import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { plainError } from '@halles/servers'
import { startShop, type Running } from '@halles/servers/shop'
import type { Service } from './doors.ts'
import { routesAt, writingRoutes, type Routes } from './routes.ts'

/** The metadata by which a peer proves itself. */
export const PEER_PROOF = 'x-peer-secret'

/** A shop on this machine, with all its doors. */
export type WholePlace = Pick<
  Running,
  'gateway' | 'gatewayOperator' | 'services' | 'productGrpc' | 'mongodb' | 'kafka' | 'mailbox'
> & {
  admin: { email: string; password: string }
  /** What peers prove themselves with over gRPC. */
  peerSecret: string
  /** The folder of its logs. */
  logs: string
  /** The routes that its services and its gateway have. */
  routes: Routes
  /** How many times as many passwords may be tried as usual. */
  pace: number
}
/** A shop anywhere: of one far away only the gateway is known, and an admin. */
export type Place = Pick<WholePlace, 'gateway' | 'admin'> & Partial<WholePlace>

/** Everyone comes from one address here, and hundreds sign up; yet one can be too fast. */
const PACE = 25

const data = path.resolve(import.meta.dirname, '../../../.data')

/** The shop of `npm start`, when it runs. */
export function runningPlace(): Place | undefined {
  const file = path.join(data, 'running.json')
  if (!existsSync(file)) return undefined
  const { accounts, ...running } = JSON.parse(readFileSync(file, 'utf8')) as Running
  return { ...running, admin: accounts.admin, logs: path.join(data, 'logs') }
}

/** A shop at this address: the one that runs here, whole, or any other, of which no more is known. */
export function placeAt(gateway: string, admin: Place['admin'] | undefined): Place {
  if (!URL.canParse(gateway)) throw plainError(`${gateway} is no URL: give --gateway http://127.0.0.1:4000, say.`)
  const here = runningPlace()
  if (here && new URL(here.gateway).href === new URL(gateway).href) return here
  if (!admin)
    throw plainError('Of another shop HALLES_ADMIN_EMAIL and HALLES_ADMIN_PASSWORD must say who its admin is.')
  return { gateway: gateway.replace(/\/+$/, ''), admin }
}

/** A shop of its own, as guarded as in production but for https, which ends with `stop`. */
export async function newPlace({
  onProgress,
  signal,
}: {
  onProgress?: (line: string) => void
  signal?: AbortSignal
} = {}): Promise<WholePlace & { stop: () => Promise<void> }> {
  const peerSecret = randomBytes(24).toString('base64url')
  const folder = await mkdtemp(path.join(tmpdir(), 'halles-routes-'))
  const forget = (): Promise<void> => rm(folder, { recursive: true, force: true })
  const peer = { GRPC_SECRET: peerSecret }
  try {
    const shop = await startShop({
      env: {
        gateway: writingRoutes(folder, 'gateway'),
        auth: { ...writingRoutes(folder, 'auth'), THROTTLING_SCALE: String(PACE) },
        product: { ...writingRoutes(folder, 'product'), ...peer },
        order: { ...writingRoutes(folder, 'order'), ...peer },
        notification: writingRoutes(folder, 'notification'),
      },
      ...(onProgress && { onProgress }),
      ...(signal && { signal }),
    })
    const { accounts, ...running } = shop.running
    const of = (name: Service) => routesAt(folder, name, running.services[name])
    const routes = {
      auth: of('auth'),
      product: of('product'),
      order: of('order'),
      notification: of('notification'),
      gateway: routesAt(folder, 'gateway', running.gateway),
      gatewayOperator: routesAt(folder, 'gateway', running.gatewayOperator),
    }
    return {
      ...running,
      admin: accounts.admin,
      peerSecret,
      logs: shop.logs,
      routes,
      pace: PACE,
      stop: async () => {
        await shop.stop()
        await forget()
      },
    }
  } catch (error) {
    await forget()
    throw error
  }
}
