import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { startProcess, type Process } from '@halles/test-fixtures/process'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { registrationInput } from '../../test/fixtures.ts'

const GATEWAY_SECRET = 'between-gateway-and-services'
const CONNECTIONS = 240
/** How many sign-ins of the owner are measured. */
const SAMPLES = 40
/** The longest that one of twenty sign-ins of the owner may take, in milliseconds. */
const MAX_WAIT = 500

let service: Process
let url: string
const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
beforeAll(async () => {
  service = startProcess(new URL('../main.ts', import.meta.url), {
    MONGODB_URL: uniqueDatabaseUrl(inject('mongodb'), 'auth'),
    GATEWAY_SECRET,
    THROTTLING_SCALE: '1000',
    LOG_LEVEL: 'info',
  })
  url = (await service.listening)!
})
afterAll(async () => {
  agent.destroy()
  await service.stop()
})

/** Sends a request of a client with this address, as the gateway forwards it. Resolves with its status. */
const post = (path: string, address: string, body: object): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'x-gateway-secret': GATEWAY_SECRET,
      'x-forwarded-for': address,
    }
    request(`${url}${path}`, { method: 'POST', agent, headers }, (response) =>
      response.resume().on('end', () => resolve(response.statusCode!)),
    )
      .on('error', reject)
      .end(JSON.stringify(body))
  })

async function registerFrom(address: string) {
  const { name, email, password } = registrationInput()
  expect(await post('/register', address, { name, email, password })).toBe(201)
  return { email, password }
}

it('an owner signs in within 500 ms while another network signs in over 240 connections', async () => {
  const attackers = await Promise.all(Array.from({ length: 7 }, () => registerFrom('203.0.113.1')))
  const owner = await registerFrom('198.51.100.1')
  let isRunning = true
  const attackerStatuses: number[] = []
  const attack = Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, i) => {
      while (isRunning) attackerStatuses.push(await post('/login', `203.0.113.${i}`, attackers[i % 7]!))
    }),
  )
  await pause(1000)

  // From where the owner is known, and from networks where they are not.
  const results: { status: number; ms: number; isKnown: boolean }[] = []
  for (let i = 0; i < SAMPLES; i++) {
    const isKnown = i % 2 === 0
    const startedAt = performance.now()
    const status = await post('/login', isKnown ? '198.51.100.1' : `192.0.${i}.1`, owner)
    results.push({ status, ms: performance.now() - startedAt, isKnown })
  }
  isRunning = false
  await attack

  const durations = results.map(({ ms }) => Math.round(ms)).toSorted((a, b) => a - b)
  if (process.env['SHOW'])
    console.log({
      durations,
      known: results.filter((r) => r.isKnown).map((r) => Math.round(r.ms)),
      attackers: attackerStatuses.length,
      refused: attackerStatuses.filter((s) => s !== 200).length,
    })
  expect(results.filter(({ status }) => status !== 200)).toEqual([])
  expect(durations[Math.floor(SAMPLES * 0.95)]).toBeLessThan(MAX_WAIT)
  // The attackers' sign-ins are correct, and go on in their turns.
  expect(attackerStatuses.filter((status) => status === 200).length).toBeGreaterThan(SAMPLES)
  expect(attackerStatuses.filter((status) => status !== 200 && status !== 429)).toEqual([])
})
