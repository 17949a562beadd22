import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import type { Visitor } from './kit.ts'

/** A buyer and what came of it. */
export type Buyer = { id: string; placed: string[] }

/** What a crowd has seen. */
export type Seen = {
  answered: number
  /** Times that no connection could be opened: nothing was taken, the buyer came again. */
  refused: number
  /** Everything that should not have happened, and how often. */
  wrong: Record<string, number>
  /** The longest time that an answer took, in milliseconds. */
  slowest: number
}

/** How long a buyer looks at what came, in milliseconds. */
const THINKS = 60

const PLACE = `mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id items { product { name } } } }`
const LOOK = `query Look($id: ID!) { product(id: $id) { name stock } me { name orders(first: 2) { nodes { number customer { name }
  items { product { name } } notifications { subject } } } } }`

type Wish = { what: string; method: string; path: string; body?: object }

const graphql = (query: string, variables: object) => ({ method: 'POST', path: '/graphql', body: { query, variables } })

/** Codes of what was not answered, though the request was good. */
const unanswered = new Set(['INTERNAL', 'UNAVAILABLE', 'TIMEOUT'])

/**
 * Buyers who browse and order, by REST and by GraphQL, each on one connection that is kept, until `leave` is called.
 */
export function crowdAt(gateway: string, people: readonly Visitor[], productIds: readonly string[]) {
  const seen: Seen = { answered: 0, refused: 0, wrong: {}, slowest: 0 }
  let staying = true
  const isWrong = (what: string): void => {
    seen.wrong[what] = (seen.wrong[what] ?? 0) + 1
  }

  const buyerOf = async (token: string, buyer: Buyer, start: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = async ({ what, method, path, body }: Wish): Promise<any> => {
      for (;;) {
        const began = performance.now()
        try {
          const { status, answer } = await send(gateway, agent, token, method, path, body)
          seen.answered++
          seen.slowest = Math.max(seen.slowest, performance.now() - began)
          const codes = [answer.code, ...(answer.errors ?? []).map(({ extensions }: any) => extensions?.code)]
          if (status >= 400 || codes.some((code) => unanswered.has(code)))
            isWrong(`${what}: ${status} ${codes.filter(Boolean).join(' ')}`)
          return answer
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') {
            isWrong(`${what}: ${String(error)}`)
            return {}
          }
          seen.refused++
          await pause(THINKS)
        }
      }
    }
    for (let turn = start; staying; turn++) {
      const productId = productIds[turn % productIds.length]!
      const items = [{ productId, quantity: 1 }]
      await ask({ what: 'look by REST', method: 'GET', path: `/api/products/${productId}` })
      await ask({ what: 'look by GraphQL', ...graphql(LOOK, { id: productId }) })
      const { id } =
        turn % 2 === 0
          ? await ask({ what: 'order by REST', method: 'POST', path: '/api/orders', body: { items } })
          : ((await ask({ what: 'order by GraphQL', ...graphql(PLACE, { input: { items } }) })).data?.placeOrder ?? {})
      if (id !== undefined) buyer.placed.push(id)
      await pause(THINKS)
    }
    agent.destroy()
  }

  const buyers = people.map(({ id }): Buyer => ({ id, placed: [] }))
  const all = people.map(({ authorization }, i) => buyerOf(authorization, buyers[i]!, i))
  return {
    seen,
    buyers,
    /** Sends them home, when each has finished what it does. */
    leave: async (): Promise<void> => {
      staying = false
      await Promise.all(all)
    },
  }
}

async function send(gateway: string, agent: Agent, token: string, method: string, path: string, body?: object) {
  const headers = { authorization: token, ...(body && { 'content-type': 'application/json' }) }
  const sent = httpRequest(gateway + path, { agent, method, headers })
  sent.end(body && JSON.stringify(body))
  const [response] = await once(sent, 'response')
  return { status: response.statusCode as number, answer: JSON.parse(await text(response)) }
}
