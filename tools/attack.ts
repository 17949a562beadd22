// npm run attack: tries on a shop whatever an attacker would, by every door, and prints what was refused and what accepted.
//   npm run attack                                  the shop that runs here, or one that it starts and stops again
//   npm run attack -- --new                         one that it starts, whatever runs here
//   npm run attack -- --gateway URL                 any other, by its gateway; HALLES_ADMIN_EMAIL and …_PASSWORD say who its
//                                                   admin is, for there must be things to attack
// Ends with 1 when anything was accepted, or a service stopped answering. It leaves accounts, products and orders behind.
import { parseArgs } from 'node:util'
import { attackReport, harmOf } from '@halles/security-tests/attack-report'
import { attackOn } from '@halles/security-tests/attacks'
import { placesOfSecrets, secretsOf } from '@halles/security-tests/logs'
import { newPlace, placeAt, runningPlace, type Place } from '@halles/security-tests/place'
import { isPlainError, plainError } from '@halles/servers'

const began = performance.now()
const say = (line: string): void =>
  console.log(`  ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}`)

async function main(): Promise<void> {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort())
  const { place, stop } = await find(ending.signal)
  try {
    say(`Attacking ${place.gateway}`)
    await fetch(place.gateway).catch((error: unknown) => {
      throw plainError(`No shop answers at ${place.gateway}: is it running?`, { cause: error })
    })
    const attacked = await attackOn(place, ending.signal)
    console.log(`\n${attackReport(attacked)}`)
    const leaks = place.logs === undefined ? [] : await placesOfSecrets(place.logs, secretsOf(place))
    for (const leak of leaks) console.log(`✗ ${leak}`)
    process.exitCode = harmOf(attacked).length + leaks.length > 0 ? 1 : 0
  } finally {
    await stop()
  }
}

async function find(signal: AbortSignal): Promise<{ place: Place; stop: () => Promise<void> }> {
  const { values } = parseArgs({ options: { gateway: { type: 'string' }, new: { type: 'boolean', default: false } } })
  const { HALLES_ADMIN_EMAIL: email, HALLES_ADMIN_PASSWORD: password } = process.env
  const admin = email !== undefined && password !== undefined ? { email, password } : undefined
  const stop = async (): Promise<void> => {}
  if (values.gateway !== undefined) return { place: placeAt(values.gateway, admin), stop }
  const here = values.new ? undefined : runningPlace()
  if (here) return { place: here, stop }
  const place = await newPlace({ onProgress: say, signal })
  return { place, stop: place.stop }
}

main().catch((error: unknown) => {
  console.error(isPlainError(error) ? error.message : error)
  process.exitCode = 1
})
