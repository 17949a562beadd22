import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { authorizationHeader, createPrincipal } from '@halles/test-fixtures/principals'
import { openEventStream, type EventStreamClient } from '@halles/test-fixtures/event-stream'
import { eventually } from '@halles/test-fixtures/wait'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../../test/fake-services.ts'

let fakeServices: FakeServices
let gateway: FastifyInstance
let url: string
const open: EventStreamClient[] = []
beforeAll(async () => {
  fakeServices = await startFakeServices()
  gateway = await createTestGateway(fakeServices.urls, { UPSTREAM_TIMEOUT_MS: '2000' })
  url = await gateway.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ close }) => close()))
  fakeServices.reset()
})
afterAll(async () => {
  gateway.server.closeAllConnections()
  await gateway.close()
  await fakeServices.close()
})

async function subscribe(
  query: string,
  variables: object = {},
  { headers = {}, ...init }: { headers?: Record<string, string>; method?: string } = {},
): Promise<EventStreamClient> {
  const customer = await authorizationHeader(createPrincipal())
  const stream = await openEventStream(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...customer, ...headers },
    body: JSON.stringify({ query, variables }),
    ...init,
  })
  open.push(stream)
  return stream
}

const results = ({ events }: EventStreamClient): { id: string | undefined; data: any; errors: any }[] =>
  events.filter(({ event }) => event === 'next').map(({ id, data }) => ({ id, ...JSON.parse(data) }))

const codes = (stream: EventStreamClient): unknown[] =>
  results(stream).map(({ errors }) => errors?.map((error: any) => error.extensions.code))

const statusOf = 'subscription ($id: ID!) { orderChanged(id: $id) { status } }'

describe('a subscription', () => {
  it('selects fields of every subgraph, executed at each event', async () => {
    const stream = await subscribe(
      `subscription Live($id: ID!) { order: orderChanged(id: $id) {
         status items { name product { name } } customer { ...Person } notifications { id }
       } } fragment Person on User { name }`,
      { id: 'o1' },
    )
    await stream.ended
    const order = {
      items: [
        { name: 'p1', product: { name: 'Chaise' } },
        { name: 'p2', product: { name: 'Table' } },
      ],
      customer: { name: 'Someone u1' },
      notifications: [],
    }
    expect(results(stream)).toEqual(
      ['RECUE', 'CONFIRMEE', 'PREPAREE', 'LIVREE'].map((status, n) => ({
        id: String(n + 1),
        data: { order: { status, ...order } },
      })),
    )
    expect(stream.events.at(-1)).toMatchObject({ event: 'complete', data: '' })
    const { headers } = fakeServices.requests.find(({ service }) => service === 'order')!
    expect(headers).toMatchObject({ accept: 'text/event-stream', authorization: expect.stringContaining('Bearer ') })
    expect(headers).not.toHaveProperty('x-envoy-expected-rq-timeout-ms')
  })

  it('is executed once more from the cached plan', async () => {
    for (let i = 0; i < 2; i++) {
      const stream = await subscribe(statusOf, { id: 'o1' })
      await stream.ended
      expect(results(stream)).toHaveLength(4)
    }
  })

  it('has null and an error at the fields of a subgraph that does not answer, and goes on', async () => {
    fakeServices.faults.product = (_request, reply) => reply.status(503).send({})
    const stream = await subscribe('subscription { orderChanged(id: "o1") { status items { product { name } } } }')
    await stream.ended
    const all = results(stream)
    expect(all).toHaveLength(4)
    expect(all[3]!.data.orderChanged).toEqual({ status: 'LIVREE', items: [{ product: null }, { product: null }] })
    expect(all[3]!.errors[0]).toMatchObject({
      path: ['orderChanged', 'items', 0, 'product'],
      extensions: { code: 'UNAVAILABLE' },
    })
  })

  it('passes Last-Event-ID to the subgraph', async () => {
    const stream = await subscribe(statusOf, { id: 'o1' }, { headers: { 'last-event-id': '3' } })
    await stream.ended
    expect(results(stream).map(({ id }) => id)).toEqual(['4'])
  })

  it('continues after the last event when the connection to the subgraph breaks, unnoticed by the client', async () => {
    const stream = await subscribe(statusOf, { id: 'o2' })
    await stream.ended
    expect(stream.events.map(({ id, event }) => id ?? event)).toEqual(['1', '2', '3', '4', 'complete'])
    const sent = fakeServices.requests.filter(({ service }) => service === 'order')
    expect(sent.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '1', '2', '3', '4'])
  })

  it('tells the error of the subgraph, and completes', async () => {
    const stream = await subscribe(statusOf, { id: 'o404' })
    await stream.ended
    expect(codes(stream)).toEqual([['NOT_FOUND']])
    expect(stream.events.at(-1)!.event).toBe('complete')
  })

  it('ends without complete when the subgraph refuses to continue it, so that the client connects again', async () => {
    let connections = 0
    fakeServices.faults.order = (_request, reply) => {
      if (++connections > 1) return reply.status(401).send({})
      return undefined
    }
    const stream = await subscribe(statusOf, { id: 'o2' })
    await stream.ended
    expect(stream.events.map(({ id, event }) => id ?? event)).toEqual(['1'])
  })

  it('closes the connection to the subgraph when the client goes away', async () => {
    const stream = await subscribe(statusOf, { id: 'o3' })
    await eventually('an event arrives', () => stream.events.length === 1)
    const openAtOrderService = async (): Promise<string> => (await fetch(`${fakeServices.urls.order}/metrics`)).text()
    expect(await openAtOrderService()).toContain('event_streams_open{service="order-service"} 1')
    await stream.close()
    await eventually('order-service has no open stream', async () =>
      (await openAtOrderService()).includes('event_streams_open{service="order-service"} 0'),
    )
  })

  it('is served by GET, and to clients that also accept other media types', async () => {
    const accept = 'application/graphql-response+json, application/json, text/event-stream'
    const stream = await subscribe(statusOf, { id: 'o1' }, { headers: { accept } })
    await stream.ended
    expect(results(stream)).toHaveLength(4)
    const search = new URLSearchParams({ query: statusOf, variables: '{"id":"o1"}' })
    const byGet = await openEventStream(`${url}/graphql?${search.toString()}`)
    await byGet.ended
    expect(results(byGet)).toHaveLength(4)
  })

  it.each([
    ['an unknown field', 'subscription { orderChanged(id: "o1") { nothing } }', ['GRAPHQL_VALIDATION_FAILED']],
    ['a syntax error', 'subscription {', ['GRAPHQL_PARSE_FAILED']],
    ['a missing variable', statusOf, ['VALIDATION_FAILED']],
    [
      'two root fields',
      'subscription { a: orderChanged(id: "1") { id } b: orderChanged(id: "2") { id } }',
      ['GRAPHQL_VALIDATION_FAILED'],
    ],
    ['a condition', 'subscription { orderChanged(id: "o1") @skip(if: true) { id } }', ['GRAPHQL_VALIDATION_FAILED']],
    [
      'too many aliases',
      `subscription { orderChanged(id: "o1") { ${Array.from({ length: 60 }, (_, n) => `a${n}: id`).join(' ')} } }`,
      ['QUERY_TOO_COMPLEX'],
    ],
  ])('with %s is one result with the error', async (_what, query, expected) => {
    const stream = await subscribe(query)
    await stream.ended
    expect(codes(stream)).toEqual([expected])
    expect(fakeServices.requests).toEqual([])
  })

  it('is one of the persisted operations, by its documentId, which are planned before', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'halles-operations-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = path.join(folder, 'operations.json')
    writeFileSync(file, JSON.stringify({ live: statusOf }))
    const closed = await createTestGateway(fakeServices.urls, { PERSISTED_ONLY: 'true', OPERATIONS_FILE: file })
    const address = await closed.listen({ host: '127.0.0.1', port: 0 })
    const post = (body: object) =>
      openEventStream(`${address}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const stream = await post({ documentId: 'live', variables: { id: 'o1' } })
    await stream.ended
    expect(results(stream)).toHaveLength(4)
    const byText = await post({ query: statusOf, variables: { id: 'o1' } })
    expect([byText.status, JSON.parse(byText.text).errors[0].extensions.code]).toEqual([403, 'OPERATION_NOT_ALLOWED'])
    expect((await post({ documentId: 'unknown' })).status).toBe(404)
    closed.server.closeAllConnections()
    await closed.close()
  })

  it('is refused where the client accepts no event stream', async () => {
    const response = await gateway.inject({ method: 'POST', url: '/graphql', payload: { query: statusOf } })
    expect(response.json().errors[0].message).toBe('A subscription needs Accept: text/event-stream.')
  })

  it('is answered 503 while the subgraph is beyond its capacity', async () => {
    fakeServices.faults.order = (_request, reply) => reply.status(503).send({})
    const stream = await subscribe(statusOf, { id: 'o1' })
    expect([stream.status, JSON.parse(stream.text).errors[0].extensions.code]).toEqual([503, 'UNAVAILABLE'])
  })
})

describe('a query over an event stream', () => {
  it('has one result', async () => {
    const stream = await subscribe('{ product(id: "p1") { name } }')
    await stream.ended
    expect(results(stream)).toEqual([{ data: { product: { name: 'Chaise' } } }])
  })

  it('is no mutation by GET', async () => {
    const search = new URLSearchParams({ query: 'mutation { logout(refreshToken: "x") }' })
    const stream = await openEventStream(`${url}/graphql?${search.toString()}`)
    await stream.ended
    expect(codes(stream)).toEqual([['VALIDATION_FAILED']])
    expect(fakeServices.requests).toEqual([])
  })
})

describe('the event streams of the gateway', () => {
  it('are ten for one user, and no more of its open requests than that', async () => {
    const authorization = await authorizationHeader(createPrincipal())
    const streams = await Promise.all(
      Array.from({ length: 10 }, () => subscribe(statusOf, { id: 'o3' }, { headers: authorization })),
    )
    expect(streams.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
    const refused = await subscribe(statusOf, { id: 'o3' }, { headers: authorization })
    expect([refused.status, JSON.parse(refused.text).errors[0].extensions.code]).toEqual([429, 'RATE_LIMITED'])
  })

  it('do not count as open requests of their client address', async () => {
    const narrow = await createTestGateway(fakeServices.urls, { MAX_OPEN_REQUESTS: '2' })
    const address = await narrow.listen({ host: '127.0.0.1', port: 0 })
    const path = `/graphql?${new URLSearchParams({ query: statusOf, variables: '{"id":"o3"}' }).toString()}`
    const streams: EventStreamClient[] = []
    for (let n = 0; n < 5; n++) streams.push(await openEventStream(address + path))
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    await Promise.all(streams.map(({ close }) => close()))
    narrow.server.closeAllConnections()
    await narrow.close()
  })
})
