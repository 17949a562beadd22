import { Transform, type Readable } from 'node:stream'
import { Refusal } from '@halles/service/refusal'

export const tooLarge = (): Refusal => new Refusal('PAYLOAD_TOO_LARGE', 'That is more than one request may carry.')

/**
 * A body of which no one knows the length, passed on as it comes, up to so many bytes; one byte more, and what passes it on
 * fails by `PAYLOAD_TOO_LARGE`. Then, or when no one wants it any more, the rest is read and thrown away, so that its
 * sender comes to read the answer; the time that a request may take ends that.
 */
export function atMost(bytes: number, body: Readable): Readable {
  let left = bytes
  const passed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length
      if (left < 0) done(tooLarge())
      else done(null, chunk)
    },
  })
  body.pipe(passed)
  // `pipe` tells of an end, not of a sender who broke off.
  body.once('close', () => {
    if (!body.readableEnded) passed.destroy(new Error('the sender broke off'))
  })
  passed.once('close', () => {
    body.unpipe(passed)
    body.resume()
  })
  return passed
}
