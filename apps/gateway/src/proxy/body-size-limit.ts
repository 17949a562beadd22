import { Transform, type Readable } from 'node:stream'
import { AppError } from '@halles/errors/app-error'

export const createPayloadTooLargeError = (): AppError =>
  new AppError('PAYLOAD_TOO_LARGE', 'That is more than one request may carry.')

/**
 * Limits a body of unknown length while it streams. The returned stream passes on at most `maxBytes` bytes and fails with
 * `PAYLOAD_TOO_LARGE` at the next one. When it fails or is closed, the rest of the body is read and discarded, so that the
 * client gets to read the response; the server's request timeout ends a body that never ends.
 */
export function limitBodySize(maxBytes: number, body: Readable): Readable {
  let remaining = maxBytes
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      remaining -= chunk.length
      if (remaining < 0) done(createPayloadTooLargeError())
      else done(null, chunk)
    },
  })
  body.pipe(limited)
  // `pipe` forwards the end of a body, not an aborted request.
  body.once('close', () => {
    if (!body.readableEnded) limited.destroy(new Error('the client aborted the request'))
  })
  limited.once('close', () => {
    body.unpipe(limited)
    body.resume()
  })
  return limited
}
