import type { Readable } from 'node:stream'
import { clientNetworks } from '@halles/auth/client-networks'
import { AppError } from '@halles/errors/app-error'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createMemoryBudget } from './memory-budget.ts'

/** The largest body that services accept, in bytes: packages/fastify-service/src/app.ts. */
export const MAX_BODY_BYTES = 1_048_576

/** The largest picture that product-service accepts, in bytes: apps/product-service/src/pictures/picture.ts. */
export const MAX_PICTURE_BYTES = 5_242_880

/** How many bytes of bodies are held in memory until their responses are sent: of one client address, and of all clients. */
const buffered = { perAddress: 8 * MAX_BODY_BYTES, total: 128 * MAX_BODY_BYTES } as const

/**
 * Creates a reader of request bodies, which are held in memory until they are complete: only then does a request take a
 * connection to a service, so that a slow client holds none.
 *
 * The reader rejects with AppError `PAYLOAD_TOO_LARGE` for more than `limit` bytes; `RATE_LIMITED` when the bodies of the client's
 * address or network take too much memory; `UNAVAILABLE` when those of all clients do. The rest of a refused body is
 * read and discarded, so that the client gets to read the response; the server's request timeout ends a body that never ends.
 */
export function createBodyReader() {
  const budget = createMemoryBudget(buffered)

  return async (request: FastifyRequest, reply: FastifyReply, body: Readable, limit: number): Promise<Buffer> => {
    const networks = clientNetworks(request.ip)
    const chunks: Buffer[] = []
    let length = 0

    const findError = (bytes: number): AppError | undefined => {
      if (length + bytes > limit) return new AppError('PAYLOAD_TOO_LARGE', 'That is more than one request may carry.')
      const exceeded = budget.exceededBy(networks, bytes)
      if (exceeded === 'network')
        return new AppError('RATE_LIMITED', 'This client sends too many large bodies at once.', { retryAfter: 1 })
      return exceeded && new AppError('UNAVAILABLE', 'Too many large requests at once: try again later.')
    }

    reply.raw.once('close', () => budget.hold(networks, -length))
    try {
      await new Promise<void>((resolve, reject) => {
        const declared = Number(request.headers['content-length'] ?? 0)
        if (declared > limit) {
          reject(findError(declared)!)
          return
        }
        const onData = (chunk: Buffer): void => {
          const error = findError(chunk.length)
          if (error) {
            body.off('data', onData)
            reject(error)
            return
          }
          budget.hold(networks, chunk.length)
          length += chunk.length
          chunks.push(chunk)
        }
        body.on('data', onData)
        body.once('end', resolve)
        body.once('error', reject)
        body.once('close', () => reject(new AppError('VALIDATION_FAILED', 'The client ended the request.')))
      })
      return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)
    } finally {
      if (!body.readableEnded) body.resume()
    }
  }
}
