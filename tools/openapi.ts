import { createServiceApp, type App } from '@halles/fastify-service/app'

/** The modules that register the REST routes of the services. Imported when needed: each loads a whole service. */
const restModules = {
  'auth-service': () => import('@halles/auth-service/rest'),
  'product-service': () => import('@halles/product-service/rest'),
  'order-service': () => import('@halles/order-service/rest'),
  'notification-service': () => import('@halles/notification-service/rest'),
} as const

/** A service that has an OpenAPI document. */
export type Service = keyof typeof restModules
export const services = Object.keys(restModules) as Service[]

/** Replaces every dependency of the routes. Registering and describing a route calls none of them. */
const unusedDependency: unknown = new Proxy(() => unusedDependency, { get: () => unusedDependency })

/**
 * Builds the OpenAPI 3.1 document of a service from its REST routes alone, without a database or other services.
 * @returns the document as the service serves it at `/openapi.json`
 */
export async function describeService(service: Service): Promise<object> {
  const { registerRestRoutes } = (await restModules[service]()) as unknown as {
    registerRestRoutes: (app: App, ...deps: unknown[]) => unknown
  }
  const app = await createServiceApp({
    name: service,
    logLevel: 'silent',
    findPublicKey: async () => undefined,
    issuer: 'halles',
    audience: 'halles',
    readinessChecks: {},
  })
  await registerRestRoutes(app, unusedDependency, unusedDependency, unusedDependency)
  await app.ready()
  const document = (app as unknown as { swagger: () => object }).swagger()
  await app.close()
  return document
}
