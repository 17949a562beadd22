import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { MongoBulkWriteError, MongoClient, type BulkWriteResult } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { toAppError } from './app-error.ts'

describe('toAppError', () => {
  it('maps connection errors of MongoDB to UNAVAILABLE, also those that a bulk write wraps', async () => {
    const client = new MongoClient('mongodb://127.0.0.1:1/none', { serverSelectionTimeoutMS: 50 })
    const connectionError: unknown = await client
      .db()
      .command({ ping: 1 })
      .catch((reason: unknown) => reason)
    await client.close()
    const unavailable = { code: 'UNAVAILABLE', retryAfter: 2, cause: connectionError }
    expect(toAppError(connectionError)).toMatchObject(unavailable)
    expect(toAppError(new MongoBulkWriteError(connectionError as Error, {} as BulkWriteResult))).toMatchObject(
      unavailable,
    )
  })

  it('maps a connection reset during a write to UNAVAILABLE, which the driver does not wrap', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const accepted = once(server, 'connection')
    const socket = connect({ port, host: '127.0.0.1' })
    await once(socket, 'connect')
    const [serverSocket] = (await accepted) as [Socket]
    serverSocket.once('close', () => socket.write('more')).resetAndDestroy()
    const [socketError] = (await once(socket, 'error')) as [Error]
    server.close()
    expect(socketError.message).toMatch(/^(write|read) E/)
    expect(toAppError(socketError)).toMatchObject({ code: 'UNAVAILABLE', cause: socketError })
  })

  it('maps a write after the server has ended the connection to UNAVAILABLE', async () => {
    const server = createServer((serverSocket) => serverSocket.end()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1' })
    socket.resume()
    await once(socket, 'end')
    const socketError = await new Promise<Error>((resolve) => {
      socket.once('error', resolve)
      socket.write('more')
    })
    server.close()
    expect(socketError.message).toBe('This socket has been ended by the other party')
    expect(toAppError(socketError)).toMatchObject({ code: 'UNAVAILABLE', cause: socketError })
  })
})

it('toAppError returns undefined for any other error', () => {
  expect(toAppError(new TypeError('x'))).toBeUndefined()
  expect(toAppError('x')).toBeUndefined()
  const duplicate = { message: 'duplicate', code: 11_000, writeErrors: [] }
  expect(toAppError(new MongoBulkWriteError(duplicate, {} as BulkWriteResult))).toBeUndefined()
})
