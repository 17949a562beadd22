import { afterAll, beforeAll, expect, it } from 'vitest'
import { registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'

/** How often each is tried before that is judged, and at the most. */
const TRIES = 120
const MOST_TRIES = 600
/** How far the two may be apart. */
const TOLERANCE = 0.1

let app: Awaited<ReturnType<typeof createApp>>
// All tries are wrong, and from one place: they would be slowed down.
beforeAll(async () => void (app = await createApp(testSettings({ THROTTLING: 'false' }))))
afterAll(() => app.close())

const median = (times: number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!

// What a busy machine does between evens out with more tries, which a difference never does.
it(
  'signing in takes as long for an address that has no account as for one that has',
  { timeout: 900_000 },
  async () => {
    const { email, password, name } = registrationInput()
    await app.inject({ method: 'POST', url: '/register', payload: { name, email, password } })
    const unknown = registrationInput().email
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
    const difference = (): number => Math.abs(median(took[unknown]!) / median(took[email]!) - 1)

    // In turns, and each first as often as the other: whatever else the machine does, it does to both.
    let tries = 0
    while (tries < TRIES || (difference() >= TOLERANCE && tries < MOST_TRIES)) {
      for (const address of tries % 2 ? [email, unknown] : [unknown, email]) await signIn(address)
      tries++
    }
    console.log(
      `known ${median(took[email]!).toFixed(2)} ms, unknown ${median(took[unknown]!).toFixed(2)} ms, ${tries} tries`,
    )
    expect(difference()).toBeLessThan(TOLERANCE)
  },
)
