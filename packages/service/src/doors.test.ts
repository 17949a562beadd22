import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { as, someone, testKeyOf } from '@halles/testkit/people'
import { describe, expect, it, onTestFinished } from 'vitest'
import { serveSubgraph, serviceApp, type App, type ServiceOptions } from './app.ts'
import { GATEWAY_PROOF } from './client.ts'
import { subgraph } from './graphql.ts'

const SECRET = 'between-gateway-and-services'

async function service(more: Partial<ServiceOptions>): Promise<App> {
  const app = await serviceApp({
    name: 'test-service',
    logLevel: 'silent',
    keyOf: testKeyOf,
    issuer: 'halles',
    audience: 'halles',
    needs: { nothing: async () => {} },
    ...more,
  })
  app.get('/open', async () => ({ open: true }))
  serveSubgraph(
    app,
    subgraph({
      sdl: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
        type Query { open: Boolean! }`,
      resolvers: { Query: { open: () => true } },
      references: {},
    }),
  )
  onTestFinished(() => app.close())
  return app
}

describe('a subgraph behind its gateway', () => {
  const query = { query: '{ open }' }
  const strangers: Record<string, string>[] = [
    {},
    { [GATEWAY_PROOF]: '' },
    { [GATEWAY_PROOF]: SECRET.slice(1) },
    { authorization: 'Bearer x' },
  ]
  const refused = { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] }

  it.each(['POST', 'GET'] as const)(
    'answers the gateway and who is signed in, and no one else, by %s',
    async (method) => {
      const app = await service({ gatewaySecret: SECRET, gatewayOnly: true })
      const ask = async (headers: Record<string, string>) => {
        const answer = await app.inject(
          method === 'POST'
            ? { method, url: '/graphql', headers, payload: query }
            : { method, url: '/graphql', headers, query },
        )
        return [answer.statusCode, answer.json()]
      }
      expect(await ask({ [GATEWAY_PROOF]: SECRET })).toEqual([200, { data: { open: true } }])
      expect(await ask(await as(someone()))).toEqual([200, { data: { open: true } }])
      for (const headers of strangers) expect(await ask(headers)).toMatchObject([401, refused])
    },
  )

  it('refuses before it reads what is asked', async () => {
    const app = await service({ gatewaySecret: SECRET, gatewayOnly: true })
    const answer = await app.inject({ method: 'POST', url: '/graphql?x=1', payload: '{' })
    expect(answer.json()).toMatchObject(refused)
  })

  it('at its REST routes too, those that it has not included', async () => {
    const app = await service({ gatewaySecret: SECRET, gatewayOnly: true })
    for (const url of ['/open', '/openapi.json', '/docs/', '/nowhere'])
      for (const headers of strangers) {
        const answer = await app.inject({ url, headers })
        expect(answer.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
      }
    for (const headers of [{ [GATEWAY_PROOF]: SECRET }, await as(someone())])
      expect((await app.inject({ url: '/open', headers })).json()).toEqual({ open: true })
  })

  it('answers probes, Prometheus and the other services, who have no secret', async () => {
    const app = await service({ gatewaySecret: SECRET, gatewayOnly: true })
    app.get('/.well-known/jwks.json', async () => ({ keys: [] }))
    app.get('/revocations', async () => ({}))
    for (const url of ['/healthz', '/readyz', '/metrics', '/.well-known/jwks.json', '/revocations'])
      expect((await app.inject(url)).statusCode).toBe(200)
    expect((await app.inject({ method: 'HEAD', url: '/healthz' })).statusCode).toBe(200)
  })

  it('is as open as any where it is not told to be guarded', async () => {
    const open = await service({ gatewaySecret: SECRET })
    expect((await open.inject({ method: 'POST', url: '/graphql', payload: query })).statusCode).toBe(200)
    expect((await open.inject('/open')).statusCode).toBe(200)
  })

  it('without a secret believes no one to be the gateway', async () => {
    const app = await service({ gatewayOnly: true })
    for (const headers of [{}, { [GATEWAY_PROOF]: '' }, { [GATEWAY_PROOF]: 'undefined' }])
      expect((await app.inject({ method: 'POST', url: '/graphql', headers, payload: query })).statusCode).toBe(401)
  })
})

describe('a schema that is not open', () => {
  const telling = [
    '{ __schema { types { name } } }',
    '{ __type(name: "Query") { name } }',
    '{ _service { sdl } }',
    '{ innocent: _service { sdl } }',
    'query { ...f } fragment f on Query { ... { _service { sdl } } }',
  ]
  it('is told to no one, not to the gateway either; what is asked is answered', async () => {
    const app = await service({ gatewaySecret: SECRET, openSchema: false })
    for (const headers of [{ [GATEWAY_PROOF]: SECRET }, await as(someone({ role: 'admin' }))]) {
      const ask = async (text: string) =>
        (await app.inject({ method: 'POST', url: '/graphql', headers, payload: { query: text } })).json()
      for (const text of telling) {
        const answer = await ask(text)
        expect(answer.errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
        expect(answer).not.toHaveProperty('data')
      }
      expect(JSON.stringify(await ask('{ opne }'))).not.toContain('Did you mean')
      expect(await ask('{ __typename open }')).toEqual({ data: { __typename: 'Query', open: true } })
    }
  })

  it('is told where it is open', async () => {
    const app = await service({})
    for (const text of telling) {
      const answer = await app.inject({ method: 'POST', url: '/graphql', payload: { query: text } })
      expect(answer.json()).not.toHaveProperty('errors')
    }
  })
})

describe("the operators' door", () => {
  it('is the service’s own, unless there is another: then the public finds no more than that it is alive', async () => {
    const same = await service({})
    expect(same.operator).toBeUndefined()
    for (const url of ['/healthz', '/readyz', '/metrics']) expect((await same.inject(url)).statusCode).toBe(200)

    const apart = await service({ operatorDoor: 'own' })
    expect((await apart.inject('/healthz')).statusCode).toBe(200)
    for (const url of ['/readyz', '/metrics', '/readyz/', '//metrics', '/%6detrics'])
      expect((await apart.inject(url)).json()).toMatchObject({ code: 'NOT_FOUND' })
    for (const url of ['/healthz', '/readyz', '/metrics'])
      expect((await apart.operator!.inject(url)).statusCode).toBe(200)
    expect((await apart.operator!.inject('/open')).statusCode).toBe(404)
  })

  it('counts what the service answers', async () => {
    const apart = await service({ operatorDoor: 'own' })
    await apart.inject('/open')
    expect((await apart.operator!.inject('/metrics')).body).toMatch(/route="\/open"/)
  })

  it('opens at its own address before the service does, and closes with it', async () => {
    const child = spawn(process.execPath, ['--conditions=development', '--input-type=module', '--eval', twoDoors], {
      cwd: new URL('.', import.meta.url),
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await ended
    })
    const doors: string[] = []
    const { promise: open, resolve } = Promise.withResolvers<void>()
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = /listening at (http:[^"]+)/.exec(line)?.[1]
      if (address) doors.push(address)
      if (doors.length === 2) resolve()
    })
    await open
    const [operator, own] = doors
    expect((await fetch(`${operator}/readyz`)).status).toBe(200)
    expect((await fetch(`${own}/readyz`)).status).toBe(404)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})

const twoDoors = `
  import { run } from ${JSON.stringify(new URL('./run.ts', import.meta.url).href)}
  import { serviceApp } from ${JSON.stringify(new URL('./app.ts', import.meta.url).href)}
  const settings = { HOST: '127.0.0.1', PORT: 0, OPERATOR_HOST: '127.0.0.1', OPERATOR_PORT: 0 }
  await run('two-doors', () => settings, () => serviceApp({
    name: 'two-doors', logLevel: 'info', keyOf: async () => undefined, issuer: 'halles', audience: 'halles', needs: {},
    operatorDoor: 'own',
  }), process.env)
`
