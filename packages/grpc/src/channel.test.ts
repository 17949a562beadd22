import { Client, credentials, Server, ServerCredentials, status, type ServiceError } from '@grpc/grpc-js'
import { eventually } from '@halles/test-fixtures/wait'
import { describe, expect, it, onTestFinished } from 'vitest'
import { channelTo } from './channel.ts'

const PATH = '/test.Echo/Say'
const identity = (bytes: Buffer): Buffer => bytes

/** Starts a server that counts its calls. */
async function startServer(port = 0) {
  const server = new Server()
  let calls = 0
  server.addService(
    {
      say: {
        path: PATH,
        requestStream: false,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    },
    {
      say: ({ request }: { request: Buffer }, reply: (error: null, answer: Buffer) => void) => {
        calls++
        reply(null, request)
      },
    },
  )
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, actual) =>
      error ? reject(error) : resolve(actual),
    ),
  )
  onTestFinished(() => server.forceShutdown())
  return { address: `127.0.0.1:${bound}`, port: bound, calls: () => calls, stop: () => server.forceShutdown() }
}

function createClient(addresses: string) {
  const { target, options } = channelTo(addresses)
  const client = new Client(target, credentials.createInsecure(), options)
  onTestFinished(() => client.close())
  const call = (): Promise<string> =>
    new Promise((resolve) =>
      client.makeUnaryRequest(
        PATH,
        identity,
        identity,
        Buffer.from('bonjour'),
        { deadline: Date.now() + 10_000 },
        (error: ServiceError | null) => resolve(error ? status[error.code]! : 'OK'),
      ),
    )
  return call
}

describe('channelTo', () => {
  it('distributes calls over all addresses, and over those that are left when one is lost', async () => {
    const [one, two] = [await startServer(), await startServer()]
    const call = createClient(`${one.address},${two.address}`)
    await eventually('both servers get calls', async () => {
      await call()
      return one.calls() > 0 && two.calls() > 0
    })
    one.stop()
    // The call that finds the connection broken fails; the caller retries it (createOutageRetry).
    await eventually('a call succeeds', async () => (await call()) === 'OK')
    for (let n = 0; n < 10; n++) expect(await call()).toBe('OK')

    const again = await startServer(one.port)
    await eventually('the restarted server gets calls', async () => {
      await call()
      return again.calls() > 0
    })
  })

  it('reaches a single address by its host name', async () => {
    const { port } = await startServer()
    expect(await createClient(`localhost:${port}`)()).toBe('OK')
  })
})
