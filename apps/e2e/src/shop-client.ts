import { randomUUID } from 'node:crypto'
import { eventually } from '@halles/test-fixtures/wait'

/** The addresses of a running shop, and the credentials of its admin. */
export type ShopAddress = { gateway: string; mailbox: string; admin: { email: string; password: string } }

export type RestResponse = { status: number; headers: Headers; body: any }
export type GraphQLResponse = {
  status: number
  data: any
  errors?: { message: string; path?: (string | number)[]; extensions: any }[]
}
export type Email = {
  subject: string
  html: string
  text: string
  headers: Record<string, string>
  to: { address: string }[]
}

/** A client of the gateway that acts as one user, or anonymously. */
export type ApiClient = {
  id: string
  email: string
  /** The Authorization header of its requests, `Bearer …`; empty for the anonymous client. */
  authorization: string
  /** Sends a REST request to `/api<path>`. A body that is no string is sent as JSON. */
  rest: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<RestResponse>
  graphql: (query: string, variables?: object, headers?: Record<string, string>) => Promise<GraphQLResponse>
}

/** Creates what a story needs of a shop: API clients, products of its own, and the e-mails in the mailbox. */
export function createShopClient({ gateway, mailbox, admin }: ShopAddress) {
  const createApiClient = (token?: string, user?: { id: string; email: string }): ApiClient => {
    const authHeaders: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
    return {
      id: user?.id ?? '',
      email: user?.email ?? '',
      authorization: authHeaders['authorization'] ?? '',
      rest: async (method, path, body, headers = {}) => {
        const response = await fetch(`${gateway}/api${path}`, {
          method,
          headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...authHeaders, ...headers },
          ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        })
        const text = await response.text()
        return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
      },
      graphql: async (query, variables, headers = {}) => {
        const response = await fetch(`${gateway}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...authHeaders, ...headers },
          body: JSON.stringify({ query, variables }),
        })
        return { status: response.status, ...((await response.json()) as object) } as GraphQLResponse
      },
    }
  }
  const anonymous = createApiClient()

  /** Filters at the mailbox, which holds the thousands of e-mails of all stories. */
  const findEmails = async (filter: Record<string, string>): Promise<Email[]> =>
    (await (await fetch(`${mailbox}/api/email?${new URLSearchParams(filter).toString()}`)).json()) as Promise<Email[]>
  const findOrderEmails = async (orderId: string): Promise<Email[]> =>
    (await findEmails({ 'headers.x-order-id': orderId })).filter(({ headers }) => headers['x-order-id'] === orderId)
  const findEmailsTo = async (address: string): Promise<Email[]> =>
    (await findEmails({ 'to.address': address })).filter(({ to }) =>
      to.some((recipient) => recipient.address === address),
    )

  return {
    anonymous,
    /** Registers a new customer, who is signed in. */
    createCustomer: async (locale: 'fr' | 'en' = 'fr'): Promise<ApiClient> => {
      const account = { name: 'Camille Martin', email: `${randomUUID()}@example.test`, password: randomUUID(), locale }
      const { body } = await anonymous.rest('POST', '/register', account)
      return createApiClient(body.accessToken, body.user)
    },
    signInAdmin: async (): Promise<ApiClient> => {
      const { body } = await anonymous.rest('POST', '/login', admin)
      return createApiClient(body.accessToken, body.user)
    },
    /** Creates a product that only the calling story knows, so that no other story buys it. */
    createProduct: async (
      client: ApiClient,
      fields: object = {},
    ): Promise<{ id: string; name: string; price: number; stock: number }> => {
      const product = {
        name: `Comté ${randomUUID().slice(0, 8)}`,
        price: 12.9,
        category: 'Fromagerie',
        stock: 20,
        ...fields,
      }
      const { body } = await client.rest('POST', '/products', product)
      return body
    },
    /** The e-mails about an order. */
    findOrderEmails,
    /** All e-mails to an address. */
    findEmailsTo,
    /** Waits until there are at least `count` e-mails about an order, and returns all of them. */
    waitForOrderEmails: (count: number, orderId: string): Promise<Email[]> =>
      eventually(`${count} e-mails about ${orderId}`, async () => {
        const emails = await findOrderEmails(orderId)
        return emails.length >= count && emails
      }),
  }
}

export type ShopClient = ReturnType<typeof createShopClient>
