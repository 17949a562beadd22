import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { declaredDoors, services, type Service } from './doors.ts'
import { hiddenDoors, routesAt, waysToNothing, writingRoutes, type Routes } from './routes.ts'
import { gapsIn, table } from './table.ts'

/** The routes of a shop, as far as the table knows them. */
const known: Routes = (() => {
  const of = (keeper: string, at?: string): string[] => [
    ...new Set(
      table
        .filter((row) => row.keeper === keeper && / \//.test(row.door) && (at === undefined || row.at === at))
        .map(({ door }) => door.replace(/\{(\w+)\}/g, ':$1')),
    ),
  ]
  const ways = ['/register', '/products', '/products/*', '/images/*', '/orders', '/orders/*'].map(
    (way) => `GET /api${way}`,
  )
  const gateway = of('gateway', 'own').filter((route) => route !== 'GET /readyz' && route !== 'GET /metrics')
  return {
    ...(Object.fromEntries(services.map((service) => [service, [...of(service), 'POST /graphql']])) as Record<
      Service,
      string[]
    >),
    gateway: [...gateway, 'POST /graphql', ...ways],
    gatewayOperator: of('gateway', 'operator'),
  }
})()
const gapsOf = (routes: Routes): string[] => gapsIn(table, [...declaredDoors(), ...hiddenDoors(routes)])

describe('a route that no openapi.json tells of', () => {
  it('is in the table', () => {
    expect(gapsOf(known)).toEqual([])
    expect(waysToNothing(known)).toEqual([])
  })

  it.each<[keyof Routes, string, string]>([
    ['order', 'GET /debug', 'order GET /debug (own)'],
    ['auth', 'POST /users/:id/impersonate', 'auth POST /users/{id}/impersonate (own)'],
    ['order', 'DELETE /docs/json', 'order DELETE /docs/json (own)'],
    ['gateway', 'GET /debug', 'gateway GET /debug (own)'],
    ['gatewayOperator', 'POST /restart', 'gateway POST /restart (operator)'],
  ])('is missed where %s has a new one, %s', (keeper, route, told) => {
    const gaps = gapsOf({ ...known, [keeper]: [...known[keeper], route] })
    expect(gaps).toEqual([`${told} is not in the table: say there who may use it`])
  })

  it('is missed at the gateway too, where a way leads to it', () => {
    const gaps = gapsOf({ ...known, order: [...known.order, 'POST /orders/everyone'] })
    expect(gaps.map((gap) => /\((\w+)\)/.exec(gap)?.[1])).toEqual(['own', 'gateway'])
  })

  it('is missed when it is gone', () => {
    const gone = known.product.filter((route) => route !== 'GET /docs/yaml')
    expect(gapsOf({ ...known, product: gone })).toEqual(['product GET /docs/yaml is in the table, and no door'])
  })
})

it('a way of the gateway to nothing is told', () => {
  const gateway = [...known.gateway, 'GET /api/nothing/*', 'POST /api/nothing/*']
  expect(waysToNothing({ ...known, gateway })).toEqual(['gateway /api/nothing/* leads to no route of any service'])
})

it('every route of a running service is written down, hidden and in plugins too', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'halles-routes-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const program = `
    import { serviceApp } from '@halles/service/app'
    const app = await serviceApp({
      name: 'test-service', logLevel: 'silent', keyOf: async () => undefined, issuer: 'halles', audience: 'halles', needs: {},
    })
    app.post('/hidden/:id', { schema: { hide: true } }, async () => ({}))
    await app.register(async (inside) => { inside.get('/inside', async () => ({})) }, { prefix: '/deep' })
    console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
    await app.close()`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=development', '--input-type=module', '--eval', program],
    { cwd: import.meta.dirname, env: { ...process.env, ...writingRoutes(folder, 'test') } },
  )
  const routes = routesAt(folder, 'test', stdout.trim())
  expect(routes).toEqual(
    expect.arrayContaining(['POST /hidden/:id', 'GET /deep/inside', 'GET /healthz', 'GET /metrics']),
  )
  const gaps = gapsOf({ ...known, order: [...known.order, ...routes] })
  expect(gaps.map((gap) => gap.split(' (')[0])).toEqual(['order POST /hidden/{id}', 'order GET /deep/inside'])
})
