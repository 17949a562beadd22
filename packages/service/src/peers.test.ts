import { Client, Server, status, type ServiceError } from '@grpc/grpc-js'
import { authority } from '@halles/testkit/certificates'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Trust } from './config.ts'
import { calling, listeningTo } from './peers.ts'

const SECRET = 'between-two-peers-only'

const asIs = { serialize: (bytes: Buffer) => bytes, deserialize: (bytes: Buffer) => bytes }
const method = (path: string, many = false) => ({
  path,
  requestStream: false,
  responseStream: many,
  requestSerialize: asIs.serialize,
  requestDeserialize: asIs.deserialize,
  responseSerialize: asIs.serialize,
  responseDeserialize: asIs.deserialize,
})
const ECHO = method('/test.Echo/Say')
const REFLECTION = method('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo')
const HEALTH = method('/grpc.health.v1.Health/Check')

/** A server that repeats what it hears, and counts what reaches it. */
async function serverWith(trust: Trust): Promise<{ port: number; heard: () => number }> {
  const { interceptors, door } = listeningTo(trust)
  const server = new Server({ interceptors })
  let heard = 0
  for (const one of [ECHO, REFLECTION, HEALTH])
    server.addService(
      { only: one },
      {
        only: (call: { request: Buffer }, reply: (error: null, answer: Buffer) => void) => {
          heard++
          reply(null, call.request)
        },
      },
    )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', door, (error, bound) => (error ? reject(error) : resolve(bound))),
  )
  onTestFinished(() => server.forceShutdown())
  return { port, heard: () => heard }
}

/** What a client hears: its own word again, or the name of a status. */
async function say(port: number, trust: Trust, { path } = ECHO, host = '127.0.0.1'): Promise<string> {
  const { interceptors, channel } = calling(trust)
  const client = new Client(`${host}:${port}`, channel, { interceptors })
  onTestFinished(() => client.close())
  return new Promise((resolve) =>
    client.makeUnaryRequest(
      path,
      asIs.serialize,
      asIs.deserialize,
      Buffer.from('bonjour'),
      { deadline: Date.now() + 10_000 },
      (error: ServiceError | null, answer?: Buffer) => resolve(error ? status[error.code]! : String(answer)),
    ),
  )
}

describe('peers with a secret', () => {
  it('let in who has it, and no one else: not by half of it, not by a longer one', async () => {
    const { port, heard } = await serverWith({ secret: SECRET })
    expect(await say(port, { secret: SECRET })).toBe('bonjour')
    expect(heard()).toBe(1)
    for (const wrong of [{}, { secret: SECRET.slice(1) }, { secret: `${SECRET}!` }, { secret: SECRET.toUpperCase() }])
      expect(await say(port, wrong)).toBe('UNAUTHENTICATED')
    expect(await say(port, {}, REFLECTION)).toBe('UNAUTHENTICATED')
    expect(heard()).toBe(1)
  })

  it('tell everyone whether they are well', async () => {
    const { port } = await serverWith({ secret: SECRET })
    expect(await say(port, {}, HEALTH)).toBe('bonjour')
  })
})

describe('peers with certificates', () => {
  it('let in who has one that their authority signed', async () => {
    const [ours, others] = await Promise.all([authority(), authority()])
    const [server, client, stranger] = await Promise.all([
      ours.sign('product'),
      ours.sign('order'),
      others.sign('order'),
    ])
    const { port, heard } = await serverWith({ tls: server })
    expect(await say(port, { tls: client })).toBe('bonjour')
    expect(await say(port, { tls: client }, ECHO, 'localhost')).toBe('bonjour')
    expect(await say(port, {})).toBe('UNAVAILABLE')
    expect(await say(port, { tls: { ...stranger, ca: ours.ca } })).toBe('UNAVAILABLE')
    expect(await say(port, {}, HEALTH)).toBe('UNAVAILABLE')
    expect(heard()).toBe(2)
  })

  it('do not speak to a server that another authority signed', async () => {
    const [ours, others] = await Promise.all([authority(), authority()])
    const { port, heard } = await serverWith({ tls: { ...(await others.sign('product')), ca: ours.ca } })
    expect(await say(port, { tls: await ours.sign('order') })).toBe('UNAVAILABLE')
    expect(heard()).toBe(0)
  })

  it('may want a secret besides', async () => {
    const ours = await authority()
    const tls = await ours.sign('peer')
    const { port } = await serverWith({ tls, secret: SECRET })
    expect(await say(port, { tls, secret: SECRET })).toBe('bonjour')
    expect(await say(port, { tls })).toBe('UNAUTHENTICATED')
  })

  it('that do not fit their keys are told at the start', async () => {
    const ours = await authority()
    const [one, other] = await Promise.all([ours.sign('one'), ours.sign('other')])
    expect(() => listeningTo({ tls: { ...one, key: other.key } })).toThrow(/GRPC_TLS_CERT, GRPC_TLS_KEY/)
    expect(() => calling({ tls: { ...one, key: 'nonsense' } })).toThrow(/GRPC_TLS_CERT, GRPC_TLS_KEY/)
  })
})
