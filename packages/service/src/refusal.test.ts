import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { MongoBulkWriteError, MongoClient, type BulkWriteResult } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { refusalOf } from './refusal.ts'

describe('a database that cannot be reached', () => {
  it('is told as UNAVAILABLE, by a bulk write too, which wraps what kept it from the server', async () => {
    const client = new MongoClient('mongodb://127.0.0.1:1/none', { serverSelectionTimeoutMS: 50 })
    const away: unknown = await client
      .db()
      .command({ ping: 1 })
      .catch((reason: unknown) => reason)
    await client.close()
    const unavailable = { code: 'UNAVAILABLE', retryAfter: 2, cause: away }
    expect(refusalOf(away)).toMatchObject(unavailable)
    expect(refusalOf(new MongoBulkWriteError(away as Error, {} as BulkWriteResult))).toMatchObject(unavailable)
  })

  it('is told as UNAVAILABLE when the connection breaks in writing, which the driver does not wrap', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const accepted = once(server, 'connection')
    const socket = connect({ port, host: '127.0.0.1' })
    await once(socket, 'connect')
    const [other] = (await accepted) as [Socket]
    other.once('close', () => socket.write('more')).resetAndDestroy()
    const [broken] = (await once(socket, 'error')) as [Error]
    server.close()
    expect(broken.message).toMatch(/^(write|read) E/)
    expect(refusalOf(broken)).toMatchObject({ code: 'UNAVAILABLE', cause: broken })
  })

  it('is told as UNAVAILABLE when the server has ended the connection before it is written to', async () => {
    const server = createServer((other) => other.end()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1' })
    socket.resume()
    await once(socket, 'end')
    const broken = await new Promise<Error>((resolve) => {
      socket.once('error', resolve)
      socket.write('more')
    })
    server.close()
    expect(broken.message).toBe('This socket has been ended by the other party')
    expect(refusalOf(broken)).toMatchObject({ code: 'UNAVAILABLE', cause: broken })
  })
})

it('a bug stays one', () => {
  expect(refusalOf(new TypeError('x'))).toBeUndefined()
  expect(refusalOf('x')).toBeUndefined()
  const duplicate = { message: 'duplicate', code: 11_000, writeErrors: [] }
  expect(refusalOf(new MongoBulkWriteError(duplicate, {} as BulkWriteResult))).toBeUndefined()
})
