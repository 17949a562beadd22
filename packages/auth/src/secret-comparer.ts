import { createHash, timingSafeEqual } from 'node:crypto'

/** Creates a constant-time comparison with `secret`: its duration discloses nothing of either text. */
export function createSecretComparer(secret: string): (text: string) => boolean {
  const expected = sha256(secret)
  return (text) => timingSafeEqual(sha256(text), expected)
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
