// The routes that services really have, whether or not an openapi.json tells of them: a hidden one cannot be missed either.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { restRoutes, services, type Door, type Keeper } from './doors.ts'

/** `GET /products/:id` as Fastify has it, by who answers there. */
export type Routes = Record<Keeper | 'gatewayOperator', readonly string[]>

const preload = pathToFileURL(path.join(import.meta.dirname, 'routes-preload.ts'))

/** What makes a process write its routes down in `folder`, under `name`, when it listens. */
export const writingRoutes = (folder: string, name: string): { NODE_OPTIONS: string } => ({
  NODE_OPTIONS: `--import=${preload.href}?file=${encodeURIComponent(path.join(folder, name))}`,
})

/** The routes that were written down under `name` for what listens at `url`; an Error when there are none. */
export function routesAt(folder: string, name: string, url: string): string[] {
  const file = path.join(folder, name)
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
  const written = lines.map((line) => JSON.parse(line) as { port: number; routes: string[] })
  const found = written.findLast(({ port }) => String(port) === new URL(url).port)
  if (!found) throw new Error(`${name} did not write down its routes`)
  return found.routes
}

/** By the names of openapi.json: `GET /products/{id}`. HEAD comes with GET. */
const named = (routes: readonly string[]): string[] => [
  ...new Set(routes.filter((route) => !route.startsWith('HEAD ')).map((route) => route.replace(/:(\w+)/g, '{$1}'))),
]

/** The routes of the gateway that lead to those of services, whose doors are asked through it. */
const leadsOn = (route: string): boolean => / \/api(\/|$)/.test(route)

/**
 * The doors among real routes that nothing else tells of. `/graphql` is none, but its fields are; a way through the gateway is
 * none, but what it leads to.
 */
export function hiddenDoors(routes: Routes): Door[] {
  const door = (keeper: Keeper, name: string, at: Door['at']): Door => ({ keeper, kind: 'hidden', name, at })
  const isDoor = (name: string): boolean => !name.endsWith(' /graphql')
  const ways = named(routes.gateway)
    .filter(leadsOn)
    .map((way) => wayOf(way.slice(way.indexOf(' ') + 1)))
  const isThrough = (route: string): boolean =>
    ways.some((way) => way.test(`/api${route.slice(route.indexOf(' ') + 1)}`))
  return [
    ...services.flatMap((service) => {
      const told = new Set(restRoutes(service).map(({ name }) => name))
      return named(routes[service])
        .filter((name) => isDoor(name) && !told.has(name))
        .map((name) => door(service, name, isThrough(name) ? ['own', 'gateway'] : ['own']))
    }),
    ...named(routes.gateway)
      .filter((name) => isDoor(name) && !leadsOn(name))
      .map((name) => door('gateway', name, ['own'])),
    ...named(routes.gatewayOperator).map((name) => door('gateway', name, ['operator'])),
  ]
}

/** What a way of the gateway takes: `*` is anything that is there. */
const wayOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.+')}$`,
  )

/** Ways of the gateway below /api that lead to no route of any service: a sentence each. */
export function waysToNothing(routes: Routes): string[] {
  const there = services.flatMap((service) =>
    named(routes[service]).map((name) => `/api${name.slice(name.indexOf(' ') + 1)}`),
  )
  const ways = new Set(
    named(routes.gateway)
      .filter(leadsOn)
      .map((way) => way.slice(way.indexOf(' ') + 1)),
  )
  return [...ways]
    .filter((way) => !there.some((route) => wayOf(way).test(route)))
    .map((way) => `gateway ${way} leads to no route of any service`)
}
