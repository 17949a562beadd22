import { afterAll, beforeAll, expect, it } from 'vitest'
import { registrationInput, testSettings, unusedEmail } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

/** The attempts for each address before the difference is judged, and the most. */
const MIN_ATTEMPTS = 120
const MAX_ATTEMPTS = 600
/** The largest relative difference of the medians that is accepted. */
const TOLERANCE = 0.1

let app: Awaited<ReturnType<typeof createApp>>
// All attempts fail and come from one subnet, so the rate limits would block them.
beforeAll(async () => void (app = await createApp(testSettings({ THROTTLING: 'false' }))))
afterAll(() => app.close())

const median = (times: number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!

// Noise of a busy machine averages out over more attempts, a real difference does not.
it(
  'POST /login takes as long for an address without an account as for one with an account',
  { timeout: 900_000 },
  async () => {
    const { email, password, name } = registrationInput()
    await app.inject({ method: 'POST', url: '/register', payload: { name, email, password } })
    const unknown = unusedEmail()
    const durations: Record<string, number[]> = { [email]: [], [unknown]: [] }

    const signIn = async (address: string): Promise<void> => {
      const startedAt = performance.now()
      const response = await app.inject({
        method: 'POST',
        url: '/login',
        payload: { email: address, password: 'not the password' },
      })
      durations[address]!.push(performance.now() - startedAt)
      expect(response.json()).toMatchObject({ status: 401, code: 'INVALID_CREDENTIALS' })
    }
    const difference = (): number => Math.abs(median(durations[unknown]!) / median(durations[email]!) - 1)

    // Alternating, and each address first equally often, so that other load affects both alike.
    let attempts = 0
    while (attempts < MIN_ATTEMPTS || (difference() >= TOLERANCE && attempts < MAX_ATTEMPTS)) {
      for (const address of attempts % 2 ? [email, unknown] : [unknown, email]) await signIn(address)
      attempts++
    }
    console.log(
      `known ${median(durations[email]!).toFixed(2)} ms, unknown ${median(durations[unknown]!).toFixed(2)} ms, ${attempts} attempts`,
    )
    expect(difference()).toBeLessThan(TOLERANCE)
  },
)
