import { describe, expect, it } from 'vitest'
import { sealingUnder } from './sealed.ts'

const SECRET = 'shared by the two who write and read'
const sealing = sealingUnder(SECRET)

describe('what was sealed', () => {
  it('is opened by who holds the same secret', async () => {
    const sealed = await sealing.seal('un secret: été')
    expect(await sealingUnder(SECRET).open(sealed)).toBe('un secret: été')
    expect(sealed).not.toContain('secret')
    expect(await sealing.seal('un secret: été')).not.toBe(sealed)
  })

  it('is opened by no one else, and not when it was changed', async () => {
    const sealed = await sealing.seal('un secret')
    await expect(sealingUnder(`${SECRET}.`).open(sealed)).rejects.toThrow()
    const parts = sealed.split('.')
    parts[3] = `${parts[3]!.startsWith('A') ? 'B' : 'A'}${parts[3]!.slice(1)}`
    await expect(sealing.open(parts.join('.'))).rejects.toThrow()
    await expect(sealing.open('nonsense')).rejects.toThrow()
  })
})
