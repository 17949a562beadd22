import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { authorizationHeader, createPrincipal, findTestPublicKey } from '@halles/test-fixtures/principals'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createServiceApp, type App, type ServiceOptions } from '@halles/fastify-service/app'
import { GATEWAY_SECRET_HEADER } from '@halles/auth/client-address'
import { createSubgraphSchema } from './subgraph-schema.ts'
import { serveSubgraph } from './serve-subgraph.ts'

const SECRET = 'between-gateway-and-services'

async function createService(more: Partial<ServiceOptions>): Promise<App> {
  const app = await createServiceApp({
    name: 'test-service',
    logLevel: 'silent',
    findPublicKey: findTestPublicKey,
    issuer: 'halles',
    audience: 'halles',
    readinessChecks: { nothing: async () => {} },
    ...more,
  })
  app.get('/open', async () => ({ open: true }))
  serveSubgraph(
    app,
    createSubgraphSchema({
      sdl: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
        type Query { open: Boolean! }`,
      resolvers: { Query: { open: () => true } },
      references: {},
    }),
  )
  onTestFinished(() => app.close())
  return app
}

describe('a subgraph with gatewayOnly', () => {
  const query = { query: '{ open }' }
  const unauthenticated: Record<string, string>[] = [
    {},
    { [GATEWAY_SECRET_HEADER]: '' },
    { [GATEWAY_SECRET_HEADER]: SECRET.slice(1) },
    { authorization: 'Bearer x' },
  ]
  const rejection = { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] }

  it.each(['POST', 'GET'] as const)(
    'answers only requests with gateway secret or access token, by %s',
    async (method) => {
      const app = await createService({ gatewaySecret: SECRET, gatewayOnly: true })
      const send = async (headers: Record<string, string>) => {
        const answer = await app.inject(
          method === 'POST'
            ? { method, url: '/graphql', headers, payload: query }
            : { method, url: '/graphql', headers, query },
        )
        return [answer.statusCode, answer.json()]
      }
      expect(await send({ [GATEWAY_SECRET_HEADER]: SECRET })).toEqual([200, { data: { open: true } }])
      expect(await send(await authorizationHeader(createPrincipal()))).toEqual([200, { data: { open: true } }])
      for (const headers of unauthenticated) expect(await send(headers)).toMatchObject([401, rejection])
    },
  )

  it('rejects a request before it parses the body', async () => {
    const app = await createService({ gatewaySecret: SECRET, gatewayOnly: true })
    const answer = await app.inject({ method: 'POST', url: '/graphql?x=1', payload: '{' })
    expect(answer.json()).toMatchObject(rejection)
  })

  it('also protects its REST routes and unknown URLs', async () => {
    const app = await createService({ gatewaySecret: SECRET, gatewayOnly: true })
    for (const url of ['/open', '/openapi.json', '/docs/', '/nowhere'])
      for (const headers of unauthenticated) {
        const answer = await app.inject({ url, headers })
        expect(answer.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
      }
    for (const headers of [{ [GATEWAY_SECRET_HEADER]: SECRET }, await authorizationHeader(createPrincipal())])
      expect((await app.inject({ url: '/open', headers })).json()).toEqual({ open: true })
  })

  it('answers probes, Prometheus and other services without a secret', async () => {
    const app = await createService({ gatewaySecret: SECRET, gatewayOnly: true })
    app.get('/.well-known/jwks.json', async () => ({ keys: [] }))
    app.get('/revocations', async () => ({}))
    for (const url of ['/healthz', '/readyz', '/metrics', '/.well-known/jwks.json', '/revocations'])
      expect((await app.inject(url)).statusCode).toBe(200)
    expect((await app.inject({ method: 'HEAD', url: '/healthz' })).statusCode).toBe(200)
  })

  it('answers everyone without gatewayOnly', async () => {
    const open = await createService({ gatewaySecret: SECRET })
    expect((await open.inject({ method: 'POST', url: '/graphql', payload: query })).statusCode).toBe(200)
    expect((await open.inject('/open')).statusCode).toBe(200)
  })

  it('recognises no gateway without a secret', async () => {
    const app = await createService({ gatewayOnly: true })
    for (const headers of [{}, { [GATEWAY_SECRET_HEADER]: '' }, { [GATEWAY_SECRET_HEADER]: 'undefined' }])
      expect((await app.inject({ method: 'POST', url: '/graphql', headers, payload: query })).statusCode).toBe(401)
  })
})

describe('openSchema', () => {
  const disclosing = [
    '{ __schema { types { name } } }',
    '{ __type(name: "Query") { name } }',
    '{ _service { sdl } }',
    '{ innocent: _service { sdl } }',
    'query { ...f } fragment f on Query { ... { _service { sdl } } }',
  ]
  it('false hides the schema from everyone, the gateway too, and still answers other operations', async () => {
    const app = await createService({ gatewaySecret: SECRET, openSchema: false })
    for (const headers of [
      { [GATEWAY_SECRET_HEADER]: SECRET },
      await authorizationHeader(createPrincipal({ role: 'admin' })),
    ]) {
      const execute = async (text: string) =>
        (await app.inject({ method: 'POST', url: '/graphql', headers, payload: { query: text } })).json()
      for (const text of disclosing) {
        const answer = await execute(text)
        expect(answer.errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
        expect(answer).not.toHaveProperty('data')
      }
      expect(JSON.stringify(await execute('{ opne }'))).not.toContain('Did you mean')
      expect(await execute('{ __typename open }')).toEqual({ data: { __typename: 'Query', open: true } })
    }
  })

  it('true discloses the schema', async () => {
    const app = await createService({})
    for (const text of disclosing) {
      const answer = await app.inject({ method: 'POST', url: '/graphql', payload: { query: text } })
      expect(answer.json()).not.toHaveProperty('errors')
    }
  })
})

describe('operator routes', () => {
  it('are on the service port, or on the operator port alone except for /healthz', async () => {
    const withoutOperator = await createService({})
    expect(withoutOperator.operatorApp).toBeUndefined()
    for (const url of ['/healthz', '/readyz', '/metrics'])
      expect((await withoutOperator.inject(url)).statusCode).toBe(200)

    const app = await createService({ operatorPort: 'own' })
    expect((await app.inject('/healthz')).statusCode).toBe(200)
    for (const url of ['/readyz', '/metrics', '/readyz/', '//metrics', '/%6detrics'])
      expect((await app.inject(url)).json()).toMatchObject({ code: 'NOT_FOUND' })
    for (const url of ['/healthz', '/readyz', '/metrics'])
      expect((await app.operatorApp!.inject(url)).statusCode).toBe(200)
    expect((await app.operatorApp!.inject('/open')).statusCode).toBe(404)
  })

  it('on the operator port report the metrics of the service', async () => {
    const app = await createService({ operatorPort: 'own' })
    await app.inject('/open')
    expect((await app.operatorApp!.inject('/metrics')).body).toMatch(/route="\/open"/)
  })

  it('listen before the service does, and close with it', async () => {
    const child = spawn(process.execPath, ['--conditions=development', '--input-type=module', '--eval', twoPorts], {
      cwd: new URL('.', import.meta.url),
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await ended
    })
    const addresses: string[] = []
    const { promise: listening, resolve } = Promise.withResolvers<void>()
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = /listening at (http:[^"]+)/.exec(line)?.[1]
      if (address) addresses.push(address)
      if (addresses.length === 2) resolve()
    })
    await listening
    const [operator, service] = addresses
    expect((await fetch(`${operator}/readyz`)).status).toBe(200)
    expect((await fetch(`${service}/readyz`)).status).toBe(404)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})

const twoPorts = `
  import { runService } from '@halles/fastify-service/run-service'
  import { createServiceApp } from '@halles/fastify-service/app'
  const settings = { HOST: '127.0.0.1', PORT: 0, OPERATOR_HOST: '127.0.0.1', OPERATOR_PORT: 0 }
  await runService('two-ports', () => settings, () => createServiceApp({
    name: 'two-ports', logLevel: 'info', findPublicKey: async () => undefined, issuer: 'halles', audience: 'halles', readinessChecks: {},
    operatorPort: 'own',
  }), process.env)
`
