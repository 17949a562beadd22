import { describe, expect, it } from 'vitest'
import { createEncryption } from './encryption.ts'

const SECRET = 'shared by sender and receiver'
const encryption = createEncryption(SECRET)

describe('createEncryption', () => {
  it('decrypts with the same secret, and encrypts the same text differently each time', async () => {
    const encrypted = await encryption.encrypt('un secret: été')
    expect(await createEncryption(SECRET).decrypt(encrypted)).toBe('un secret: été')
    expect(encrypted).not.toContain('secret')
    expect(await encryption.encrypt('un secret: été')).not.toBe(encrypted)
  })

  it('rejects texts of another secret, changed texts and malformed texts', async () => {
    const encrypted = await encryption.encrypt('un secret')
    await expect(createEncryption(`${SECRET}.`).decrypt(encrypted)).rejects.toThrow()
    const parts = encrypted.split('.')
    parts[3] = `${parts[3]!.startsWith('A') ? 'B' : 'A'}${parts[3]!.slice(1)}`
    await expect(encryption.decrypt(parts.join('.'))).rejects.toThrow()
    await expect(encryption.decrypt('nonsense')).rejects.toThrow()
  })
})
