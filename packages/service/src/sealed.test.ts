import { describe, expect, it } from 'vitest'
import { sealingUnder } from './sealed.ts'

const SECRET = 'shared by sender and receiver'
const encryption = sealingUnder(SECRET)

describe('createEncryption', () => {
  it('decrypts with the same secret, and encrypts the same text differently each time', async () => {
    const encrypted = await encryption.seal('un secret: été')
    expect(await sealingUnder(SECRET).open(encrypted)).toBe('un secret: été')
    expect(encrypted).not.toContain('secret')
    expect(await encryption.seal('un secret: été')).not.toBe(encrypted)
  })

  it('rejects texts of another secret, changed texts and malformed texts', async () => {
    const encrypted = await encryption.seal('un secret')
    await expect(sealingUnder(`${SECRET}.`).open(encrypted)).rejects.toThrow()
    const parts = encrypted.split('.')
    parts[3] = `${parts[3]!.startsWith('A') ? 'B' : 'A'}${parts[3]!.slice(1)}`
    await expect(encryption.open(parts.join('.'))).rejects.toThrow()
    await expect(encryption.open('nonsense')).rejects.toThrow()
  })
})
