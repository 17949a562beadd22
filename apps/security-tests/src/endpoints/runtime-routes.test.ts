import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { authorizationMatrix, findGaps } from '../authorization/authorization-matrix.ts'
import { listDeclaredEndpoints, services, type Service } from './endpoints.ts'
import {
  findDanglingProxyRoutes,
  listUndeclaredEndpoints,
  readRuntimeRoutes,
  recordRoutes,
  type RuntimeRoutes,
} from './runtime-routes.ts'

/** The routes of a shop that has exactly the endpoints in the matrix. */
const knownRoutes: RuntimeRoutes = (() => {
  const routesOf = (server: string, via?: string): string[] => [
    ...new Set(
      authorizationMatrix
        .filter((row) => row.server === server && / \//.test(row.endpoint) && (via === undefined || row.via === via))
        .map(({ endpoint }) => endpoint.replace(/\{(\w+)\}/g, ':$1')),
    ),
  ]
  const proxied = ['/register', '/products', '/products/*', '/images/*', '/orders', '/orders/*'].map(
    (route) => `GET /api${route}`,
  )
  const gateway = routesOf('gateway', 'direct').filter((route) => route !== 'GET /readyz' && route !== 'GET /metrics')
  return {
    ...(Object.fromEntries(services.map((service) => [service, [...routesOf(service), 'POST /graphql']])) as Record<
      Service,
      string[]
    >),
    gateway: [...gateway, 'POST /graphql', ...proxied],
    gatewayOperator: routesOf('gateway', 'operator'),
  }
})()
const findGapsIn = (routes: RuntimeRoutes): string[] =>
  findGaps(authorizationMatrix, [...listDeclaredEndpoints(), ...listUndeclaredEndpoints(routes)])

describe('a route that no openapi.json declares', () => {
  it('is in the authorization matrix', () => {
    expect(findGapsIn(knownRoutes)).toEqual([])
    expect(findDanglingProxyRoutes(knownRoutes)).toEqual([])
  })

  it.each<[keyof RuntimeRoutes, string, string]>([
    ['order', 'GET /debug', 'order GET /debug (direct)'],
    ['auth', 'POST /users/:id/impersonate', 'auth POST /users/{id}/impersonate (direct)'],
    ['order', 'DELETE /docs/json', 'order DELETE /docs/json (direct)'],
    ['gateway', 'GET /debug', 'gateway GET /debug (direct)'],
    ['gatewayOperator', 'POST /restart', 'gateway POST /restart (operator)'],
  ])('is a gap of the matrix when it is new at %s: %s', (server, route, endpoint) => {
    const gaps = findGapsIn({ ...knownRoutes, [server]: [...knownRoutes[server], route] })
    expect(gaps).toEqual([`${endpoint} has no row in the authorization matrix: add one that says who may use it`])
  })

  it('is a gap for the gateway too when the gateway proxies it', () => {
    const gaps = findGapsIn({ ...knownRoutes, order: [...knownRoutes.order, 'POST /orders/everyone'] })
    expect(gaps.map((gap) => /\((\w+)\)/.exec(gap)?.[1])).toEqual(['direct', 'gateway'])
  })

  it('is a gap of the matrix when it no longer exists', () => {
    const remaining = knownRoutes.product.filter((route) => route !== 'GET /docs/yaml')
    expect(findGapsIn({ ...knownRoutes, product: remaining })).toEqual([
      'product GET /docs/yaml has a row in the authorization matrix, but no such endpoint exists',
    ])
  })
})

describe('findDanglingProxyRoutes', () => {
  it('finds a proxied route that matches no route of a service', () => {
    const gateway = [...knownRoutes.gateway, 'GET /api/nothing/*', 'POST /api/nothing/*']
    expect(findDanglingProxyRoutes({ ...knownRoutes, gateway })).toEqual([
      'the gateway proxies /api/nothing/*, but no service has a matching route',
    ])
  })
})

describe('recordRoutes', () => {
  it('records every route of a running service, including hidden ones and those of plugins', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'halles-routes-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const program = `
    import { createServiceApp } from '@halles/fastify-service/app'
    const app = await createServiceApp({
      name: 'test-service', logLevel: 'silent', findPublicKey: async () => undefined, issuer: 'halles', audience: 'halles', readinessChecks: {},
    })
    app.post('/hidden/:id', { schema: { hide: true } }, async () => ({}))
    await app.register(async (plugin) => { plugin.get('/inside', async () => ({})) }, { prefix: '/deep' })
    console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
    await app.close()`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=development', '--input-type=module', '--eval', program],
      { cwd: import.meta.dirname, env: { ...process.env, ...recordRoutes(folder, 'test') } },
    )
    const routes = readRuntimeRoutes(folder, 'test', stdout.trim())
    expect(routes).toEqual(
      expect.arrayContaining(['POST /hidden/:id', 'GET /deep/inside', 'GET /healthz', 'GET /metrics']),
    )
    const gaps = findGapsIn({ ...knownRoutes, order: [...knownRoutes.order, ...routes] })
    expect(gaps.map((gap) => gap.split(' (')[0])).toEqual(['order POST /hidden/{id}', 'order GET /deep/inside'])
  })
})
