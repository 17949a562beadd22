import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { serviceApp, type App } from '@halles/service/app'

export type Service = 'auth-service' | 'product-service' | 'order-service' | 'notification-service'

/** Stands for whatever a face works with: describing its routes calls none of it. */
const nothing: unknown = new Proxy(() => nothing, { get: () => nothing })

/**
 * The OpenAPI 3.1 document of a service, as it serves it at /openapi.json, from its REST face alone: no database, no
 * peers.
 */
export async function describeService(service: Service): Promise<object> {
  const file = path.resolve(import.meta.dirname, `../apps/${service}/src/rest.ts`)
  const { rest } = (await import(pathToFileURL(file).href)) as { rest: (app: App, ...helpers: unknown[]) => unknown }
  const app = await serviceApp({
    name: service,
    logLevel: 'silent',
    keyOf: async () => undefined,
    issuer: 'halles',
    audience: 'halles',
    needs: {},
  })
  await rest(app, nothing, nothing, nothing)
  await app.ready()
  const document = (app as unknown as { swagger: () => object }).swagger()
  await app.close()
  return document
}
