import { connect, type Socket } from 'node:net'
import { sendGraphql, sendRest } from '../clients.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'
import type { Attack, Verdict } from './attack.ts'

/**
 * The longest that another client may wait for a response during an attack, in milliseconds. In CI other tests use the same
 * processors meanwhile.
 */
export const MAX_WAIT = process.env['CI'] === undefined ? 500 : 1500

const CONNECTIONS = 300
/** How long an attack lasts, in milliseconds. */
const DURATION = 4000

/** An address of this machine in another network than that of the other clients, so that they share no limits. */
const ATTACKER_ADDRESS = '127.0.9.1'

/** Attacks that take the gateway away from other clients. They need an address of their own, so a shop on this machine. */
export const overloadAttacks = ({ shop, attacker }: AttackFixtures): Attack[] =>
  shop.services === undefined || process.platform !== 'linux'
    ? []
    : [
        dripBodies('/api/orders', {}, 'without signing in'),
        dripBodies('/api/orders', attacker.headers, 'signed in'),
        dripBodies('/api/login', {}, 'without signing in'),
        dripBodies('/graphql', {}, 'without signing in'),
        flood('/api/products?first=100', 'and reads no response', 'leave unread'),
        flood('/api/products?q=c&first=100', 'and closes the connections at once', 'close'),
      ]

const dripBodies = (path: string, headers: Record<string, string>, who: string): Attack => ({
  category: 'overload',
  name: `${CONNECTIONS} bodies for ${path} at one byte a second, ${who}`,
  endpoint: 'gateway',
  ...othersAreServed,
  run: (fixtures) => measureOthers(fixtures, openConnections(fixtures.shop.gateway, path, headers)),
})

/** A client that sends a request on each of many connections, again and again, and does not wait for responses. */
const flood = (path: string, how: string, then: 'leave unread' | 'close'): Attack => ({
  category: 'overload',
  name: `${CONNECTIONS} connections from one client that sends GET ${path} without a pause ${how}`,
  endpoint: 'gateway',
  ...othersAreServed,
  run: (fixtures) => measureOthers(fixtures, startFlood(fixtures.shop.gateway, path, then)),
})

const othersAreServed = { expected: `other clients wait less than ${MAX_WAIT} ms`, alone: true } as const

/** Measures how long other clients wait during an attack, and ends the attack. */
async function measureOthers({ shop, victim }: AttackFixtures, end: () => void): Promise<Verdict> {
  try {
    const wait = await measureLongestWait([
      () => sendRest(shop.gateway, { path: `/api/orders/${victim.id}`, headers: victim.headers }),
      () => sendGraphql(shop.gateway, { query: '{ products(first: 1) { totalCount } }' }),
      () => sendRest(shop.gateway, { method: 'POST', path: '/api/logout', body: { refreshToken: 'none' } }),
    ])
    return { rejected: wait < MAX_WAIT, observed: `others waited ${Math.round(wait)} ms at most` }
  } finally {
    end()
  }
}

/** The pause before a connection is opened again, in milliseconds: the flood shares a thread with the measurement. */
const FLOOD_PAUSE = 50

/** Keeps connections busy with a request. Returns what ends them. */
function startFlood(gateway: string, path: string, then: 'leave unread' | 'close'): () => void {
  const { hostname, port } = new URL(gateway)
  const request = `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
  const sockets = new Set<Socket>()
  let ended = false
  const open = (): void => {
    if (ended) return
    const socket = connect({ host: hostname, port: Number(port), localAddress: ATTACKER_ADDRESS })
    sockets.add(socket)
    socket.on('error', () => {}) // close follows
    socket.on('close', () => {
      sockets.delete(socket)
      setTimeout(open, FLOOD_PAUSE)
    })
    socket.on('connect', () => {
      socket.write(request)
      if (then === 'close') setTimeout(() => socket.destroy(), 5)
    })
    socket.pause()
  }
  for (let n = 0; n < CONNECTIONS; n++) open()
  return () => {
    ended = true
    for (const socket of sockets) socket.destroy()
  }
}

/** Opens connections that send the headers of a POST and then a byte a second. Returns what closes them. */
function openConnections(gateway: string, path: string, headers: Record<string, string>): () => void {
  const { hostname, port } = new URL(gateway)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n${lines.join('')}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
  const sockets = Array.from({ length: CONNECTIONS }, (): Socket => {
    const socket = connect({ host: hostname, port: Number(port), localAddress: ATTACKER_ADDRESS })
    socket.on('error', () => {}) // the gateway may close it
    socket.resume().write(head)
    return socket
  })
  const timer = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write(' ')
  }, 1000)
  return () => {
    clearInterval(timer)
    for (const socket of sockets) socket.destroy()
  }
}

/**
 * Sends each of these requests in turn until the end of the attack, and returns the longest time that one took, in milliseconds.
 *
 * @throws Error when a response is an error
 */
export async function measureLongestWait(requests: (() => Promise<{ outcome: string }>)[]): Promise<number> {
  let longest = 0
  for (const end = performance.now() + DURATION; performance.now() < end;)
    for (const send of requests) {
      const startedAt = performance.now()
      const { outcome } = await send()
      if (outcome !== 'ok') throw new Error(`another client got ${outcome}`)
      longest = Math.max(longest, performance.now() - startedAt)
    }
  return longest
}
