import { PassThrough, pipeline, type Readable } from 'node:stream'
import { AppError } from '@halles/errors/app-error'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientNetworks } from '@halles/auth/client-networks'
import { createMemoryBudget } from './memory-budget.ts'

/** A response that undici and Node buffer in any case: its connection is free once it has arrived. In bytes. */
const SMALL = 65_536

/** How much of one response is read ahead of its client, in bytes. A dead letter of 4 MB in base64 is the largest response. */
const LARGEST = 8_388_608

/** How many bytes of responses are held in memory until their clients have read them. */
const budget = { perAddress: 4 * LARGEST, total: 32 * LARGEST } as const

/**
 * Creates a sender of streamed responses that reads ahead of the client, so that a slow client does not hold the connection to
 * a service. A client that leaves too much unread is answered `RATE_LIMITED`; all clients together `UNAVAILABLE`.
 */
export function createBufferedSender() {
  const { exceededBy, hold } = createMemoryBudget(budget)

  return (request: FastifyRequest, reply: FastifyReply, stream: Readable): void => {
    const length = Number(reply.getHeader('content-length') ?? LARGEST)
    if (length <= SMALL) return void reply.send(stream)
    const networks = clientNetworks(request.ip)
    const bytes = Math.min(length, LARGEST)
    const exceeded = exceededBy(networks, bytes)
    if (exceeded) {
      stream.destroy()
      for (const name of Object.keys(reply.getHeaders())) if (contentHeaders.has(name)) reply.removeHeader(name)
      return void reply.send(
        exceeded === 'network'
          ? new AppError('RATE_LIMITED', 'This client leaves too many responses unread.', { retryAfter: 1 })
          : new AppError('UNAVAILABLE', 'Too many large responses at once: try again later.'),
      )
    }
    hold(networks, bytes)
    reply.raw.once('close', () => hold(networks, -bytes))
    // The pipeline destroys both streams when one fails; the response then ends incomplete, as without it.
    reply.send(pipeline(stream, new PassThrough({ highWaterMark: bytes }), () => {}))
  }
}

/** Headers of the response that is not sent. */
const contentHeaders = new Set([
  'content-length',
  'content-type',
  'content-encoding',
  'etag',
  'cache-control',
  'location',
])
