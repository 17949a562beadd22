import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { sendRest } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { createUser, randomPassword } from '../fixtures/users.ts'
import type { Attack } from './attack.ts'
import { MAX_WAIT, measureLongestWait } from './overload-attacks.ts'

const ACCOUNTS = 7
/** In all, so many from each of these addresses of this machine, which are one network (127.0.10.0/24) and not that of others. */
const CONNECTIONS = 240
const ATTACKER_ADDRESSES = Array.from({ length: 8 }, (_, i) => `127.0.10.${i + 1}`)

type Body = { path: string; body: object }

/**
 * Attacks that take sign-in and registration away from other clients. They need addresses of their own, so a shop on this machine,
 * and processors that nothing else uses: in CI, beside other tests, one hash takes longer than others may wait.
 */
export const signInAttacks = ({ shop }: AttackFixtures): Attack[] =>
  shop.services === undefined || process.platform !== 'linux' || process.env['CI'] !== undefined
    ? []
    : [
        flood(
          `${CONNECTIONS} connections of one network that sign in correctly with ${ACCOUNTS} accounts`,
          async ({ shop }) => {
            const accounts = await Promise.all(Array.from({ length: ACCOUNTS }, () => createUser(shop)))
            return (i) => {
              const { email, password } = accounts[i % ACCOUNTS]!
              return { path: '/api/login', body: { email, password } }
            }
          },
        ),
        flood(`${CONNECTIONS} connections of one network that register`, async () => () => ({
          path: '/api/register',
          body: registration(),
        })),
      ]

const registration = () => ({ name: 'Sacha', email: `flood-${randomUUID()}@example.test`, password: randomPassword() })

/** Sends requests over all connections, one after another on each, while others sign in and register. */
const flood = (name: string, prepare: (fixtures: AttackFixtures) => Promise<(i: number) => Body>): Attack => ({
  category: 'overload',
  name,
  endpoint: 'gateway',
  expected: `other clients wait less than ${MAX_WAIT} ms`,
  alone: true,
  run: async (fixtures) => {
    const { shop, victim } = fixtures
    const { email, password } = victim
    const stop = sendRepeatedly(shop.gateway, await prepare(fixtures))
    try {
      const wait = await measureLongestWait([
        () => sendRest(shop.gateway, { method: 'POST', path: '/api/login', body: { email, password } }),
        () => sendRest(shop.gateway, { path: '/api/me', headers: victim.headers }),
        () => sendRest(shop.gateway, { method: 'POST', path: '/api/register', body: registration() }),
      ])
      return { rejected: wait < MAX_WAIT, observed: `others waited ${Math.round(wait)} ms at most` }
    } finally {
      await stop()
    }
  },
})

/** Sends requests from the attackers' addresses until the returned function is called, which waits for the last responses. */
function sendRepeatedly(gateway: string, createBody: (i: number) => Body): () => Promise<void> {
  const agents = ATTACKER_ADDRESSES.map((localAddress) => new Agent({ keepAlive: true, localAddress }))
  let isRunning = true
  const work = async (i: number): Promise<void> => {
    while (isRunning) await sendOne(gateway, agents[i % agents.length]!, createBody(i))
  }
  const all = Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => work(i)))
  return async () => {
    isRunning = false
    await all
    for (const agent of agents) agent.destroy()
  }
}

/** Sends a request, whatever the response. */
const sendOne = (gateway: string, agent: Agent, { path, body }: Body): Promise<void> =>
  new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' }
    request(`${gateway}${path}`, { method: 'POST', agent, headers }, (response) =>
      response.resume().on('close', () => resolve()),
    )
      .on('error', () => resolve()) // the gateway may close the connection
      .end(JSON.stringify(body))
  })
