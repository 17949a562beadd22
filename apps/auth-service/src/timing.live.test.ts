import { afterAll, beforeAll, expect, it } from 'vitest'
import { newcomer, ownSettings } from '../test/doors.ts'
import { createApp } from './app.ts'

const TRIES = 200
/** How far the two may be apart. */
const TOLERANCE = 0.1

let app: Awaited<ReturnType<typeof createApp>>
// All tries are wrong, and from one place: they would be slowed down.
beforeAll(async () => void (app = await createApp(ownSettings({ THROTTLING: 'false' }))))
afterAll(() => app.close())

const median = (times: number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!

// A difference fails every time; a machine that is busy with other things, hardly three times.
const patience = { timeout: 120_000, retry: 2 }

it('signing in takes as long for an address that has no account as for one that has', patience, async () => {
  const { email, password, name } = newcomer()
  await app.inject({ method: 'POST', url: '/register', payload: { name, email, password } })
  const unknown = newcomer().email
  const took: Record<string, number[]> = { [email]: [], [unknown]: [] }

  const signIn = async (address: string): Promise<void> => {
    const began = performance.now()
    const answer = await app.inject({
      method: 'POST',
      url: '/login',
      payload: { email: address, password: 'not the password' },
    })
    took[address]!.push(performance.now() - began)
    expect(answer.json()).toMatchObject({ status: 401, code: 'INVALID_CREDENTIALS' })
  }
  // In turns, and each first as often as the other: whatever else the machine does, it does to both.
  for (let i = 0; i < TRIES; i++)
    for (const address of i % 2 ? [email, unknown] : [unknown, email]) await signIn(address)

  const known = median(took[email]!)
  const difference = Math.abs(median(took[unknown]!) - known) / known
  console.log(`known ${known.toFixed(2)} ms, unknown ${median(took[unknown]!).toFixed(2)} ms`)
  expect(difference).toBeLessThan(TOLERANCE)
})
