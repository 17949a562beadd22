// The routes that running services have registered, whether or not an openapi.json declares them. A hidden route is therefore
// never missed either.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { listRestRoutes, services, type Endpoint, type Server } from './endpoints.ts'

/** Registered routes by server, in Fastify's notation: `GET /products/:id`. */
export type RuntimeRoutes = Record<Server | 'gatewayOperator', readonly string[]>

const preload = pathToFileURL(path.join(import.meta.dirname, 'runtime-routes-preload.ts'))

/** The environment of a process that records its routes in `folder`, under `name`, when it listens. */
export const recordRoutes = (folder: string, name: string): { NODE_OPTIONS: string } => ({
  NODE_OPTIONS: `--import=${preload.href}?file=${encodeURIComponent(path.join(folder, name))}`,
})

/** The routes that were recorded under `name` by the server that listens at `url`. @throws Error when there are none */
export function readRuntimeRoutes(folder: string, name: string, url: string): string[] {
  const file = path.join(folder, name)
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
  const records = lines.map((line) => JSON.parse(line) as { port: number; routes: string[] })
  const found = records.findLast(({ port }) => String(port) === new URL(url).port)
  if (!found) throw new Error(`${name} has not recorded its routes`)
  return found.routes
}

/** Routes in the notation of openapi.json, `GET /products/{id}`, without the HEAD routes that accompany each GET. */
const toOpenApiNotation = (routes: readonly string[]): string[] => [
  ...new Set(routes.filter((route) => !route.startsWith('HEAD ')).map((route) => route.replace(/:(\w+)/g, '{$1}'))),
]

/** Whether a route of the gateway is proxied to a service. */
const isProxied = (route: string): boolean => / \/api(\/|$)/.test(route)

const pathOf = (route: string): string => route.slice(route.indexOf(' ') + 1)

/**
 * The registered routes that no openapi.json declares. `/graphql` is not listed, as its fields are endpoints of their own, nor
 * is a proxied route of the gateway, as its targets are.
 */
export function listUndeclaredEndpoints(routes: RuntimeRoutes): Endpoint[] {
  const endpoint = (server: Server, name: string, via: Endpoint['via']): Endpoint => ({
    server,
    kind: 'undeclared',
    name,
    via,
  })
  const isGraphql = (name: string): boolean => name.endsWith(' /graphql')
  const proxied = toOpenApiNotation(routes.gateway)
    .filter(isProxied)
    .map((route) => toPattern(pathOf(route)))
  const isReachableByGateway = (route: string): boolean =>
    proxied.some((pattern) => pattern.test(`/api${pathOf(route)}`))
  return [
    ...services.flatMap((service) => {
      const declared = new Set(listRestRoutes(service).map(({ name }) => name))
      return toOpenApiNotation(routes[service])
        .filter((name) => !isGraphql(name) && !declared.has(name))
        .map((name) => endpoint(service, name, isReachableByGateway(name) ? ['direct', 'gateway'] : ['direct']))
    }),
    ...toOpenApiNotation(routes.gateway)
      .filter((name) => !isGraphql(name) && !isProxied(name))
      .map((name) => endpoint('gateway', name, ['direct'])),
    ...toOpenApiNotation(routes.gatewayOperator).map((name) => endpoint('gateway', name, ['operator'])),
  ]
}

/** A pattern for the paths that a route of the gateway matches: `*` stands for one or more characters. */
const toPattern = (route: string): RegExp =>
  new RegExp(
    `^${route
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.+')}$`,
  )

/** The proxied routes of the gateway that match no route of any service, a sentence each. */
export function findDanglingProxyRoutes(routes: RuntimeRoutes): string[] {
  const targets = services.flatMap((service) => toOpenApiNotation(routes[service]).map((name) => `/api${pathOf(name)}`))
  const proxied = new Set(toOpenApiNotation(routes.gateway).filter(isProxied).map(pathOf))
  return [...proxied]
    .filter((route) => !targets.some((target) => toPattern(route).test(target)))
    .map((route) => `the gateway proxies ${route}, but no service has a matching route`)
}
