import type { Violation } from '../violation.ts'

/** What a client knows after a request. */
export type Outcome<T> =
  /** The request took effect. `replayed`: the response says that it repeats an earlier one (REST only). */
  | { kind: 'success'; value: T; replayed: boolean }
  /** The request certainly had no effect: a 4xx. */
  | { kind: 'rejected'; code: string }
  /** The request may have had an effect: 503, 504, or no response. */
  | { kind: 'unknown'; reason: string }

/** Which API of the gateway a client uses. */
export type Api = 'REST' | 'GraphQL'

export type Line = { productId: string; quantity: number }

/** An order as both APIs return it, with REST's status names. */
export type SeenOrder = {
  id: string
  number: string
  userId: string
  items: (Line & { name: string; price: number })[]
  total: number
  status: string
  statusHistory: { status: string; timestamp: string }[]
}

/** A signed-in user. `renewAt`: when half of the access token's lifetime has passed, in milliseconds since 1970. */
export type Session = { userId: string; token: string; refreshToken: string; renewAt: number }

export type Account = { email: string; password: string }

/** A session as auth-service returns it. */
type SessionResponse = { user: { id: string }; accessToken: string; refreshToken: string; expiresIn: number }

/** Timeout of a request in milliseconds: longer than the gateway's own timeout for a service. */
const TIMEOUT = 20_000

/** The statuses with which a load balancer answers for a gateway that it has lost. */
const BALANCER_FAILURES = new Set([502, 503, 504])

const statusInGraphql: Record<string, string> = {
  Reçue: 'RECUE',
  Confirmée: 'CONFIRMEE',
  Préparée: 'PREPAREE',
  Livrée: 'LIVREE',
  Annulée: 'ANNULEE',
}
const statusInRest = Object.fromEntries(Object.entries(statusInGraphql).map(([status, name]) => [name, status]))

const orderFields =
  'id number userId items { productId name quantity price } total status statusHistory { status timestamp }'

type Response = { status: number; body: any; replayed: boolean; traceId: string | null }

export type ShopClient = ReturnType<typeof createShopClient>

/**
 * A client of the gateway at this URL, by REST and GraphQL. Each call is one request, without retries.
 *
 * @param deps.reportViolation receives each response that a correct shop never sends, faults or not: a 500, a body that is
 *   not JSON, a valid token that is rejected
 */
export function createShopClient(
  gateway: string,
  { reportViolation }: { reportViolation: (violation: Violation) => void },
) {
  async function send(
    method: string,
    path: string,
    { token, body, headers = {} }: { token?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Response | { kind: 'unknown'; reason: string }> {
    try {
      const response = await fetch(gateway + path, {
        method,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT),
      })
      const text = await response.text()
      // Every response of the shop has a trace id. One without is the load balancer's, for a gateway that was killed.
      if (BALANCER_FAILURES.has(response.status) && !response.headers.has('x-trace-id'))
        return { kind: 'unknown', reason: `${response.status} of the load balancer` }
      return {
        status: response.status,
        body: text === '' ? undefined : JSON.parse(text),
        replayed: response.headers.get('idempotent-replayed') === 'true',
        traceId: response.headers.get('x-trace-id'),
      }
    } catch (error) {
      const { cause, name, message } = error as Error & { cause?: { code?: string } }
      if (error instanceof SyntaxError)
        reportViolation({
          rule: 'response-not-json',
          subject: `${method} ${path}`,
          expected: 'a JSON body',
          found: message,
        })
      return { kind: 'unknown', reason: cause?.code ?? name }
    }
  }

  /** The outcome of an unsuccessful response. One that is neither 4xx nor 503 nor 504 is a violation too. */
  function toFailure(
    { body, traceId }: Response,
    subject: string,
    status: number,
    code: string | undefined,
  ): Outcome<never> {
    if (code === 'UNAVAILABLE' || code === 'TIMEOUT') return { kind: 'unknown', reason: code }
    const found = `${status}: ${JSON.stringify(body)?.slice(0, 400)} (trace ${traceId})`
    if (code !== undefined && code !== 'INTERNAL' && status < 500) {
      if (code === 'UNAUTHENTICATED')
        reportViolation({ rule: 'valid-token-rejected', subject, expected: 'any other response', found })
      return { kind: 'rejected', code }
    }
    reportViolation({ rule: 'unexpected-response', subject, expected: 'success, 4xx, 503 or 504', found })
    return { kind: 'unknown', reason: code ?? String(status) }
  }

  async function sendRest<T>(
    method: string,
    path: string,
    options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Outcome<T>> {
    const response = await send(method, `/api${path}`, options)
    if ('kind' in response) return response
    const { status, body, replayed } = response
    if (status < 300) return { kind: 'success', value: body as T, replayed }
    return toFailure(response, `${method} ${path}`, status, body?.code)
  }

  /** Sends a mutation with one root field and returns the value of that field. */
  async function sendMutation<T>(field: string, query: string, variables: object, token: string): Promise<Outcome<T>> {
    const response = await send('POST', '/graphql', { token, body: { query, variables } })
    if ('kind' in response) return response
    const { status, body } = response
    if (body?.data?.[field] != null) return { kind: 'success', value: body.data[field] as T, replayed: false }
    const code = body?.errors?.[0]?.extensions?.code as string | undefined
    return toFailure(response, `mutation ${field}`, code === undefined ? 500 : status, code)
  }

  const sendOrderMutation = async (
    field: string,
    query: string,
    variables: object,
    token: string,
  ): Promise<Outcome<SeenOrder>> => toRestStatuses(await sendMutation<SeenOrder>(field, query, variables, token))

  const placeOrder = `mutation P($input: PlaceOrderInput!) { placeOrder(input: $input) { ${orderFields} } }`
  const changeOrderStatus = `mutation C($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { ${orderFields} } }`
  const cancelOrder = `mutation X($id: ID!) { cancelOrder(id: $id) { ${orderFields} } }`
  const adjustStock =
    'mutation A($id: ID!, $delta: Int!, $reason: String!) { adjustStock(id: $id, delta: $delta, reason: $reason) { id } }'

  return {
    register: (name: string, account: Account): Promise<Outcome<SessionResponse>> =>
      sendRest('POST', '/register', { body: { name, ...account } }),

    signIn: (account: Account): Promise<Outcome<SessionResponse>> => sendRest('POST', '/login', { body: account }),

    refresh: ({ refreshToken }: Session): Promise<Outcome<SessionResponse>> =>
      sendRest('POST', '/refresh', { body: { refreshToken } }),

    signOut: ({ refreshToken }: Session) => sendRest('POST', '/logout', { body: { refreshToken } }),

    requestVerification: ({ token }: Session) => sendRest('POST', '/email/verification', { token }),

    verifyAddress: (token: string) => sendRest('POST', '/email/verify', { body: { token } }),

    requestPasswordReset: (email: string) => sendRest('POST', '/password/forgotten', { body: { email } }),

    resetPassword: (token: string, newPassword: string) =>
      sendRest('POST', '/password/reset', { body: { token, newPassword } }),

    changePassword: ({ token }: Session, currentPassword: string, newPassword: string) =>
      sendRest('PUT', '/me/password', { token, body: { currentPassword, newPassword } }),

    requestEmailChange: ({ token }: Session, { email, password }: Account) =>
      sendRest('PUT', '/me/email', { token, body: { email, password } }),

    changeEmail: (token: string) => sendRest('POST', '/email/change', { body: { token } }),

    deleteAccount: ({ token }: Session, password: string) => sendRest('DELETE', '/me', { token, body: { password } }),

    createProduct: ({ token }: Session, product: { name: string; price: number; category: string; stock: number }) =>
      sendRest<{ id: string }>('POST', '/products', { token, body: product }),

    placeOrder: (
      { token }: Session,
      { lines, key, api }: { lines: Line[]; key: string | undefined; api: Api },
    ): Promise<Outcome<SeenOrder>> =>
      api === 'REST'
        ? sendRest('POST', '/orders', { token, body: { items: lines }, headers: key ? { 'idempotency-key': key } : {} })
        : sendOrderMutation('placeOrder', placeOrder, { input: { items: lines, idempotencyKey: key } }, token),

    changeStatus: ({ token }: Session, { id, status, api }: { id: string; status: string; api: Api }) =>
      api === 'REST'
        ? sendRest<SeenOrder>('PUT', `/orders/${id}/status`, { token, body: { status } })
        : sendOrderMutation('changeOrderStatus', changeOrderStatus, { id, status: statusInGraphql[status] }, token),

    cancelOrder: ({ token }: Session, { id, api }: { id: string; api: Api }) =>
      api === 'REST'
        ? sendRest<SeenOrder>('PUT', `/orders/${id}/status`, { token, body: { status: 'Annulée' } })
        : sendOrderMutation('cancelOrder', cancelOrder, { id }, token),

    adjustStock: (
      { token }: Session,
      { productId, delta, reason, api }: { productId: string; delta: number; reason: string; api: Api },
    ) =>
      api === 'REST'
        ? sendRest('POST', `/products/${productId}/stock`, { token, body: { delta, reason } })
        : sendMutation('adjustStock', adjustStock, { id: productId, delta, reason }, token),

    readOrder: ({ userId, token }: Session, id: string): Promise<Outcome<SeenOrder>> =>
      sendRest('GET', `/orders/${userId}/${id}`, { token }),

    listEmails: ({ token }: Session, orderId: string): Promise<Outcome<{ items: { id: string }[] }>> =>
      sendRest('GET', `/notifications?orderId=${orderId}`, { token }),

    resendEmail: ({ token }: Session, id: string) => sendRest('POST', `/notifications/${id}/resend`, { token }),
  }
}

export const toSession = ({ user, accessToken, refreshToken, expiresIn }: SessionResponse): Session => ({
  userId: user.id,
  token: accessToken,
  refreshToken,
  renewAt: Date.now() + (expiresIn * 1000) / 2,
})

/** Replaces GraphQL's status names by REST's. */
function toRestStatuses(outcome: Outcome<SeenOrder>): Outcome<SeenOrder> {
  if (outcome.kind !== 'success') return outcome
  const { status, statusHistory, ...order } = outcome.value
  return {
    ...outcome,
    value: {
      ...order,
      status: statusInRest[status] ?? status,
      statusHistory: statusHistory.map((entry) => ({ ...entry, status: statusInRest[entry.status] ?? entry.status })),
    },
  }
}
