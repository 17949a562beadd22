import { Client, Server, status, type ServiceError } from '@grpc/grpc-js'
import { createCertificateAuthority } from '@halles/test-fixtures/certificates'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { PeerCredentials } from '@halles/config/config'
import { createClientCredentials, createServerCredentials } from './peer-credentials.ts'

const SECRET = 'between-two-peers-only'

const identity = { serialize: (bytes: Buffer) => bytes, deserialize: (bytes: Buffer) => bytes }
const method = (path: string, responseStream = false) => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: identity.serialize,
  requestDeserialize: identity.deserialize,
  responseSerialize: identity.serialize,
  responseDeserialize: identity.deserialize,
})
const ECHO = method('/test.Echo/Say')
const REFLECTION = method('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo')
const HEALTH = method('/grpc.health.v1.Health/Check')

/** Starts an echo server that counts the calls which reach its handlers. */
async function startServer(trust: PeerCredentials): Promise<{ port: number; calls: () => number }> {
  const { interceptors, credentials: serverCredentials } = createServerCredentials(trust)
  const server = new Server({ interceptors })
  let calls = 0
  for (const method of [ECHO, REFLECTION, HEALTH])
    server.addService(
      { only: method },
      {
        only: (received: { request: Buffer }, reply: (error: null, answer: Buffer) => void) => {
          calls++
          reply(null, received.request)
        },
      },
    )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', serverCredentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  )
  onTestFinished(() => server.forceShutdown())
  return { port, calls: () => calls }
}

/** Calls the server; resolves with the echo, or with the name of the error status. */
async function call(port: number, trust: PeerCredentials, { path } = ECHO, host = '127.0.0.1'): Promise<string> {
  const { interceptors, channel } = createClientCredentials(trust)
  const client = new Client(`${host}:${port}`, channel, { interceptors })
  onTestFinished(() => client.close())
  return new Promise((resolve) =>
    client.makeUnaryRequest(
      path,
      identity.serialize,
      identity.deserialize,
      Buffer.from('bonjour'),
      { deadline: Date.now() + 10_000 },
      (error: ServiceError | null, answer?: Buffer) => resolve(error ? status[error.code]! : String(answer)),
    ),
  )
}

describe('peer credentials with a secret', () => {
  it('reject calls without the exact secret, reflection too', async () => {
    const { port, calls } = await startServer({ secret: SECRET })
    expect(await call(port, { secret: SECRET })).toBe('bonjour')
    expect(calls()).toBe(1)
    for (const wrong of [{}, { secret: SECRET.slice(1) }, { secret: `${SECRET}!` }, { secret: SECRET.toUpperCase() }])
      expect(await call(port, wrong)).toBe('UNAUTHENTICATED')
    expect(await call(port, {}, REFLECTION)).toBe('UNAUTHENTICATED')
    expect(calls()).toBe(1)
  })

  it('allow health checks without the secret', async () => {
    const { port } = await startServer({ secret: SECRET })
    expect(await call(port, {}, HEALTH)).toBe('bonjour')
  })
})

describe('peer credentials with certificates', () => {
  it('accept only clients with a certificate of the authority', async () => {
    const [ours, foreign] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()])
    const [server, client, outsider] = await Promise.all([
      ours.sign('product'),
      ours.sign('order'),
      foreign.sign('order'),
    ])
    const { port, calls } = await startServer({ tls: server })
    expect(await call(port, { tls: client })).toBe('bonjour')
    expect(await call(port, { tls: client }, ECHO, 'localhost')).toBe('bonjour')
    expect(await call(port, {})).toBe('UNAVAILABLE')
    expect(await call(port, { tls: { ...outsider, ca: ours.ca } })).toBe('UNAVAILABLE')
    expect(await call(port, {}, HEALTH)).toBe('UNAVAILABLE')
    expect(calls()).toBe(2)
  })

  it('reject a server with a certificate of another authority', async () => {
    const [ours, foreign] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()])
    const { port, calls } = await startServer({ tls: { ...(await foreign.sign('product')), ca: ours.ca } })
    expect(await call(port, { tls: await ours.sign('order') })).toBe('UNAVAILABLE')
    expect(calls()).toBe(0)
  })

  it('can require a secret in addition', async () => {
    const ours = await createCertificateAuthority()
    const tls = await ours.sign('peer')
    const { port } = await startServer({ tls, secret: SECRET })
    expect(await call(port, { tls, secret: SECRET })).toBe('bonjour')
    expect(await call(port, { tls })).toBe('UNAUTHENTICATED')
  })

  it('throw at the start when certificate and key do not match', async () => {
    const ours = await createCertificateAuthority()
    const [first, second] = await Promise.all([ours.sign('first'), ours.sign('second')])
    expect(() => createServerCredentials({ tls: { ...first, key: second.key } })).toThrow(/GRPC_TLS_CERT, GRPC_TLS_KEY/)
    expect(() => createClientCredentials({ tls: { ...first, key: 'nonsense' } })).toThrow(/GRPC_TLS_CERT, GRPC_TLS_KEY/)
  })
})
