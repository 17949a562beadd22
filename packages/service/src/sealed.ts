import { createHash } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'

export type Sealing = ReturnType<typeof sealingUnder>

/**
 * Seals text for whoever holds the same secret: a JWE (RFC 7516) under AES-256-GCM, its key the SHA-256 of the secret.
 * Whoever carries it can neither read nor change it.
 */
export function sealingUnder(secret: string) {
  const key = createHash('sha256').update(`sealed:${secret}`).digest()
  return {
    seal: (text: string): Promise<string> =>
      new CompactEncrypt(new TextEncoder().encode(text))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .encrypt(key),

    /** @throws Error when it was sealed under another secret, or changed. */
    open: async (sealed: string): Promise<string> => {
      const { plaintext } = await compactDecrypt(sealed, key, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      })
      return new TextDecoder().decode(plaintext)
    },
  }
}
