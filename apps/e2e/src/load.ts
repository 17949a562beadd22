import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiClient } from './shop-client.ts'

/** A simulated customer and the ids of the orders that were answered. */
export type Buyer = { id: string; placed: string[] }

/** What the load has observed so far. */
export type LoadReport = {
  responses: number
  /** Connections refused: no request was sent, and the buyer tried again. */
  connectionsRefused: number
  /** Every unexpected response or error, and how often it occurred. */
  failures: Record<string, number>
  /** The longest time until a response, in milliseconds. */
  maxResponseTime: number
}

/** The pause of a buyer between two rounds, in milliseconds. */
const THINK_TIME = 60

const PLACE_ORDER = `mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id items { product { name } } } }`
const BROWSE = `query Look($id: ID!) { product(id: $id) { name stock } me { name orders(first: 2) { nodes { number customer { name }
  items { product { name } } notifications { subject } } } } }`

type LoadRequest = { name: string; method: string; path: string; body?: object }

const toGraphQLRequest = (query: string, variables: object) => ({
  method: 'POST',
  path: '/graphql',
  body: { query, variables },
})

/** Error codes that a valid request must not get. */
const failureCodes = new Set(['INTERNAL', 'UNAVAILABLE', 'TIMEOUT'])

/**
 * Starts one buyer for each customer. A buyer browses and places orders, by REST and GraphQL in turn, over one keep-alive
 * connection, until `stop` is called.
 */
export function startLoad(gateway: string, customers: readonly ApiClient[], productIds: readonly string[]) {
  const report: LoadReport = { responses: 0, connectionsRefused: 0, failures: {}, maxResponseTime: 0 }
  let running = true
  const recordFailure = (failure: string): void => {
    report.failures[failure] = (report.failures[failure] ?? 0) + 1
  }

  const runBuyer = async (token: string, buyer: Buyer, firstRound: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const send = async ({ name, method, path, body }: LoadRequest): Promise<any> => {
      for (;;) {
        const startedAt = performance.now()
        try {
          const { status, answer } = await sendRequest(gateway, agent, token, method, path, body)
          report.responses++
          report.maxResponseTime = Math.max(report.maxResponseTime, performance.now() - startedAt)
          const codes = [answer.code, ...(answer.errors ?? []).map(({ extensions }: any) => extensions?.code)]
          if (status >= 400 || codes.some((code) => failureCodes.has(code)))
            recordFailure(`${name}: ${status} ${codes.filter(Boolean).join(' ')}`)
          return answer
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') {
            recordFailure(`${name}: ${String(error)}`)
            return {}
          }
          report.connectionsRefused++
          await sleep(THINK_TIME)
        }
      }
    }
    for (let round = firstRound; running; round++) {
      const productId = productIds[round % productIds.length]!
      const items = [{ productId, quantity: 1 }]
      await send({ name: 'browse by REST', method: 'GET', path: `/api/products/${productId}` })
      await send({ name: 'browse by GraphQL', ...toGraphQLRequest(BROWSE, { id: productId }) })
      const { id } =
        round % 2 === 0
          ? await send({ name: 'order by REST', method: 'POST', path: '/api/orders', body: { items } })
          : ((await send({ name: 'order by GraphQL', ...toGraphQLRequest(PLACE_ORDER, { input: { items } }) })).data
              ?.placeOrder ?? {})
      if (id !== undefined) buyer.placed.push(id)
      await sleep(THINK_TIME)
    }
    agent.destroy()
  }

  const buyers = customers.map(({ id }): Buyer => ({ id, placed: [] }))
  const runs = customers.map(({ authorization }, i) => runBuyer(authorization, buyers[i]!, i))
  return {
    report,
    buyers,
    /** Stops all buyers, each at the end of its round. */
    stop: async (): Promise<void> => {
      running = false
      await Promise.all(runs)
    },
  }
}

async function sendRequest(gateway: string, agent: Agent, token: string, method: string, path: string, body?: object) {
  const headers = { authorization: token, ...(body && { 'content-type': 'application/json' }) }
  const request = httpRequest(gateway + path, { agent, method, headers })
  request.end(body && JSON.stringify(body))
  const [response] = await once(request, 'response')
  return { status: response.statusCode as number, answer: JSON.parse(await text(response)) }
}
