import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import {
  MongoBulkWriteError,
  MongoClient,
  MongoServerError,
  MongoWriteConcernError,
  type BulkWriteResult,
} from 'mongodb'
import { describe, expect, it } from 'vitest'
import { toAppError } from './app-error.ts'

/** What MongoDB's server reports while it elects a primary, shuts down or is too slow, and the error of the client. */
const serverErrors = [
  [6, 'HostUnreachable', 'UNAVAILABLE'],
  [7, 'HostNotFound', 'UNAVAILABLE'],
  [43, 'CursorNotFound', 'UNAVAILABLE'],
  [91, 'ShutdownInProgress', 'UNAVAILABLE'],
  [133, 'FailedToSatisfyReadPreference', 'UNAVAILABLE'],
  [134, 'ReadConcernMajorityNotAvailableYet', 'UNAVAILABLE'],
  [189, 'PrimarySteppedDown', 'UNAVAILABLE'],
  [9001, 'SocketException', 'UNAVAILABLE'],
  [10058, 'LegacyNotPrimary', 'UNAVAILABLE'],
  [10107, 'NotWritablePrimary', 'UNAVAILABLE'],
  [11600, 'InterruptedAtShutdown', 'UNAVAILABLE'],
  [11602, 'InterruptedDueToReplStateChange', 'UNAVAILABLE'],
  [13435, 'NotPrimaryNoSecondaryOk', 'UNAVAILABLE'],
  [13436, 'NotPrimaryOrSecondary', 'UNAVAILABLE'],
  [24, 'LockTimeout', 'TIMEOUT'],
  [50, 'MaxTimeMSExpired', 'TIMEOUT'],
  [64, 'WriteConcernFailed', 'TIMEOUT'],
  [89, 'NetworkTimeout', 'TIMEOUT'],
  [112, 'WriteConflict', 'TIMEOUT'],
  [202, 'NetworkInterfaceExceededTimeLimit', 'TIMEOUT'],
  [262, 'ExceededTimeLimit', 'TIMEOUT'],
] as const

describe('toAppError', () => {
  it.each(serverErrors)(
    'maps error %i %s of a server to %s, also from a write concern or a bulk write',
    (code, codeName, expected) => {
      const response = { ok: 0, code, codeName, errmsg: 'as the server says' }
      const result = {} as BulkWriteResult
      const writeConcernError = { code, codeName, errmsg: 'as the server says' }
      const errors = [
        new MongoServerError(response),
        new MongoServerError({ ...response, errorLabels: ['TransientTransactionError'] }),
        new MongoWriteConcernError({ ok: 1, writeConcernError }),
        new MongoBulkWriteError(new MongoServerError(response), result),
        new MongoBulkWriteError({ message: 'as the server says', code, writeErrors: [] }, result),
      ]
      for (const error of errors)
        expect(toAppError(error)).toMatchObject({ code: expected, retryAfter: 2, cause: error })
    },
  )

  it.each([
    'RetryableWriteError',
    'TransientTransactionError',
    'UnknownTransactionCommitResult',
    'PoolRequestedRetry',
    'ResetPool',
    'SystemOverloadedError',
  ])('maps an error with the label %s to UNAVAILABLE, whatever its code', (label) => {
    const error = new MongoServerError({ code: 251, codeName: 'NoSuchTransaction', errorLabels: [label] })
    const unavailable = { code: 'UNAVAILABLE', retryAfter: 2 }
    expect(toAppError(error)).toMatchObject(unavailable)
    expect(toAppError(new MongoBulkWriteError(error, {} as BulkWriteResult))).toMatchObject(unavailable)
  })

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

  it('maps the errors of connection pools to UNAVAILABLE or TIMEOUT, by the names that the driver gives them', () => {
    // The driver exports no class of these errors.
    const classes = createRequire(import.meta.url)('mongodb/lib/cmap/errors.js') as Record<
      string,
      new (pool: object) => Error
    >
    const codes = Object.values(classes).map((PoolError) => {
      const error = new PoolError({ address: '127.0.0.1:27017' })
      return [error.name, toAppError(error)?.code]
    })
    expect(Object.fromEntries(codes)).toEqual({
      MongoPoolClosedError: 'UNAVAILABLE',
      MongoPoolClearedError: 'UNAVAILABLE',
      PoolClearedOnNetworkError: 'UNAVAILABLE',
      MongoWaitQueueTimeoutError: 'TIMEOUT',
    })
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
  expect(toAppError(new MongoServerError({ code: 2, codeName: 'BadValue', errorLabels: ['Other'] }))).toBeUndefined()
  expect(
    toAppError(new MongoWriteConcernError({ ok: 1, writeConcernError: { code: 79, errmsg: 'unknown' } })),
  ).toBeUndefined()
  // A code means this in an error of MongoDB only.
  expect(toAppError(Object.assign(new Error('x'), { code: 10_107, errorLabels: ['ResetPool'] }))).toBeUndefined()
  const duplicate = { message: 'duplicate', code: 11_000, writeErrors: [] }
  expect(toAppError(new MongoBulkWriteError(duplicate, {} as BulkWriteResult))).toBeUndefined()
})
