import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { loopDelay } from './loop-delay.ts'

it('loopDelay grows while the event loop is blocked', async () => {
  loopDelay()
  let largest = 0
  for (let n = 0; n < 10; n++) {
    for (const end = performance.now() + 200; performance.now() < end;);
    await pause(1)
    largest = Math.max(largest, loopDelay())
  }
  expect(largest).toBeGreaterThan(50)
})
