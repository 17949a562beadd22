import { expect, it } from 'vitest'
import { within } from './within.ts'

const never = new Promise<never>(() => {})
const after = (ms: number, failing = false) =>
  new Promise<string>((resolve, reject) =>
    setTimeout(() => (failing ? reject(new Error('failed')) : resolve('done')), ms),
  )

it('what is done in time is answered as it is', async () => {
  expect(await within(1000, after(1))).toBe('done')
  await expect(within(1000, after(1, true))).rejects.toThrow('failed')
})

it('what takes longer is a TIMEOUT, and may fail without anyone being the wiser', async () => {
  await expect(within(10, never)).rejects.toMatchObject({ code: 'TIMEOUT', retryAfter: 2 })
  await expect(within(10, after(30, true))).rejects.toMatchObject({ code: 'TIMEOUT' })
  await after(40)
})
