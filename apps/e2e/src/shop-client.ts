import { randomUUID } from 'node:crypto'
import { eventually } from '@halles/testkit/wait'

/** Where a running shop is, and who may do everything in it. */
export type Address = { gateway: string; mailbox: string; admin: { email: string; password: string } }

export type Answer = { status: number; headers: Headers; body: any }
export type GraphqlAnswer = {
  status: number
  data: any
  errors?: { message: string; path?: (string | number)[]; extensions: any }[]
}
export type Letter = {
  subject: string
  html: string
  text: string
  headers: Record<string, string>
  to: { address: string }[]
}

/** Someone at the shop's front door: asks as a browser or an app would. */
export type Visitor = {
  id: string
  email: string
  /** What signs their requests: `Bearer …`; empty for nobody. */
  authorization: string
  rest: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
  graphql: (query: string, variables?: object, headers?: Record<string, string>) => Promise<GraphqlAnswer>
}

/** A shop as its clients see it. */
export function shopAt({ gateway, mailbox, admin }: Address) {
  const visitor = (token?: string, user?: { id: string; email: string }): Visitor => {
    const signed: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
    return {
      id: user?.id ?? '',
      email: user?.email ?? '',
      authorization: signed['authorization'] ?? '',
      rest: async (method, path, body, headers = {}) => {
        const answer = await fetch(`${gateway}/api${path}`, {
          method,
          headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...signed, ...headers },
          ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        })
        const text = await answer.text()
        return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) }
      },
      graphql: async (query, variables, headers = {}) => {
        const answer = await fetch(`${gateway}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...signed, ...headers },
          body: JSON.stringify({ query, variables }),
        })
        return { status: answer.status, ...((await answer.json()) as object) } as GraphqlAnswer
      },
    }
  }
  const nobody = visitor()

  /** Those that fit, and no others: there are thousands, of all tests. */
  const lettersWith = async (what: Record<string, string>): Promise<Letter[]> =>
    (await (await fetch(`${mailbox}/api/email?${new URLSearchParams(what).toString()}`)).json()) as Promise<Letter[]>
  const letters = async (orderId: string): Promise<Letter[]> =>
    (await lettersWith({ 'headers.x-order-id': orderId })).filter(({ headers }) => headers['x-order-id'] === orderId)
  const lettersTo = async (email: string): Promise<Letter[]> =>
    (await lettersWith({ 'to.address': email })).filter(({ to }) => to.some(({ address }) => address === email))

  return {
    nobody,
    /** A new customer, signed in. */
    customer: async (locale: 'fr' | 'en' = 'fr'): Promise<Visitor> => {
      const person = { name: 'Camille Martin', email: `${randomUUID()}@example.test`, password: randomUUID(), locale }
      const { body } = await nobody.rest('POST', '/register', person)
      return visitor(body.accessToken, body.user)
    },
    admin: async (): Promise<Visitor> => {
      const { body } = await nobody.rest('POST', '/login', admin)
      return visitor(body.accessToken, body.user)
    },
    /** A product of one's own, so that no other test buys it. */
    product: async (
      by: Visitor,
      more: object = {},
    ): Promise<{ id: string; name: string; price: number; stock: number }> => {
      const product = {
        name: `Comté ${randomUUID().slice(0, 8)}`,
        price: 12.9,
        category: 'Fromagerie',
        stock: 20,
        ...more,
      }
      const { body } = await by.rest('POST', '/products', product)
      return body
    },
    letters,
    /** Whatever came to an address. */
    lettersTo,
    /** The letters about an order, once there are so many. */
    lettersOnce: (count: number, orderId: string): Promise<Letter[]> =>
      eventually(`${count} letters about ${orderId}`, async () => {
        const found = await letters(orderId)
        return found.length >= count && found
      }),
  }
}

export type Shop = ReturnType<typeof shopAt>
