import { createHash } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'

export type Encryption = ReturnType<typeof createEncryption>

/**
 * Creates the encryption of texts between services that share `secret`: a compact JWE (RFC 7516) with AES-256-GCM, which is
 * authenticated. The key is the SHA-256 of the secret.
 */
export function createEncryption(secret: string) {
  const key = createHash('sha256').update(`sealed:${secret}`).digest()
  return {
    encrypt: (text: string): Promise<string> =>
      new CompactEncrypt(new TextEncoder().encode(text))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .encrypt(key),

    /** @throws Error when the text was encrypted with another secret, or was changed. */
    decrypt: async (encrypted: string): Promise<string> => {
      const { plaintext } = await compactDecrypt(encrypted, key, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      })
      return new TextDecoder().decode(plaintext)
    },
  }
}
