import type { Diary } from './diary.ts'

/** What a client makes of an answer, or of none. */
export type Outcome<T> =
  /** `replayed`: the answer says that it was done before (REST only). */
  | { kind: 'done'; value: T; replayed: boolean }
  /** It was said for certain that it is not done: a 4xx. */
  | { kind: 'refused'; code: string }
  /** Done or not: 503, 504, or no answer. */
  | { kind: 'unclear'; why: string }

/** Which door a client takes. */
export type Door = 'REST' | 'GraphQL'

export type Line = { productId: string; quantity: number }

/** An order as both doors answer it, in REST's words. */
export type SeenOrder = {
  id: string
  number: string
  userId: string
  items: (Line & { name: string; price: number })[]
  total: number
  status: string
  statusHistory: { status: string; timestamp: string }[]
}

/** Someone who is signed in. */
export type Session = { userId: string; token: string }

export type Account = { email: string; password: string }

/** How long a client waits for an answer, in milliseconds: longer than the gateway waits for a service. */
const PATIENCE = 20_000

/** Statuses as GraphQL names them. */
const inGraphql: Record<string, string> = {
  Reçue: 'RECUE',
  Confirmée: 'CONFIRMEE',
  Préparée: 'PREPAREE',
  Livrée: 'LIVREE',
  Annulée: 'ANNULEE',
}
const inRest = Object.fromEntries(Object.entries(inGraphql).map(([status, name]) => [name, status]))

const orderFields =
  'id number userId items { productId name quantity price } total status statusHistory { status timestamp }'

type Answer = { status: number; body: any; replayed: boolean; traceId: string | null }

export type Client = ReturnType<typeof clientOf>

/** What people do at the front door `gateway`. Answers that nobody should ever get go into the diary. */
export function clientOf(gateway: string, { wrong }: Pick<Diary, 'wrong'>) {
  async function call(
    method: string,
    path: string,
    { token, body, headers = {} }: { token?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer | { kind: 'unclear'; why: string }> {
    try {
      const answer = await fetch(gateway + path, {
        method,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(PATIENCE),
      })
      const text = await answer.text()
      return {
        status: answer.status,
        body: text === '' ? undefined : JSON.parse(text),
        replayed: answer.headers.get('idempotent-replayed') === 'true',
        traceId: answer.headers.get('x-trace-id'),
      }
    } catch (error) {
      const { cause, name, message } = error as Error & { cause?: { code?: string } }
      if (error instanceof SyntaxError) wrong('every answer is readable', `${method} ${path}`, 'JSON', message)
      return { kind: 'unclear', why: cause?.code ?? name }
    }
  }

  /** What a failure means; one that is neither a refusal nor 503 nor 504 is an accident, and so a finding. */
  function failure({ body, traceId }: Answer, what: string, status: number, code: string | undefined): Outcome<never> {
    if (code === 'UNAVAILABLE' || code === 'TIMEOUT') return { kind: 'unclear', why: code }
    if (code !== undefined && code !== 'INTERNAL' && status < 500) {
      if (code === 'UNAUTHENTICATED') wrong('a good token is not refused', what, 'anything else', said(body, traceId))
      return { kind: 'refused', code }
    }
    wrong('no answer is an accident', what, 'success, 4xx, 503 or 504', `${status}: ${said(body, traceId)}`)
    return { kind: 'unclear', why: code ?? String(status) }
  }

  async function rest<T>(
    method: string,
    path: string,
    wish: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Outcome<T>> {
    const answer = await call(method, `/api${path}`, wish)
    if ('kind' in answer) return answer
    const { status, body, replayed } = answer
    if (status < 300) return { kind: 'done', value: body as T, replayed }
    return failure(answer, `${method} ${path}`, status, body?.code)
  }

  /** A mutation of one field, whose value it gives back. */
  async function graphql<T>(field: string, query: string, variables: object, token: string): Promise<Outcome<T>> {
    const answer = await call('POST', '/graphql', { token, body: { query, variables } })
    if ('kind' in answer) return answer
    const { status, body } = answer
    if (body?.data?.[field] != null) return { kind: 'done', value: body.data[field] as T, replayed: false }
    const code = body?.errors?.[0]?.extensions?.code as string | undefined
    return failure(answer, `mutation ${field}`, code === undefined ? 500 : status, code)
  }

  const placeOrder = `mutation P($input: PlaceOrderInput!) { placeOrder(input: $input) { ${orderFields} } }`
  const changeOrderStatus = `mutation C($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { ${orderFields} } }`
  const cancelOrder = `mutation X($id: ID!) { cancelOrder(id: $id) { ${orderFields} } }`
  const adjustStock =
    'mutation A($id: ID!, $delta: Int!, $reason: String!) { adjustStock(id: $id, delta: $delta, reason: $reason) { id } }'

  return {
    register: (name: string, account: Account): Promise<Outcome<Signed>> =>
      rest('POST', '/register', { body: { name, ...account } }),

    signIn: (account: Account): Promise<Outcome<Signed>> => rest('POST', '/login', { body: account }),

    createProduct: ({ token }: Session, product: { name: string; price: number; category: string; stock: number }) =>
      rest<{ id: string }>('POST', '/products', { token, body: product }),

    place: (
      { token }: Session,
      { lines, key, door }: { lines: Line[]; key: string | undefined; door: Door },
    ): Promise<Outcome<SeenOrder>> =>
      door === 'REST'
        ? rest('POST', '/orders', { token, body: { items: lines }, headers: key ? { 'idempotency-key': key } : {} })
        : graphql<SeenOrder>('placeOrder', placeOrder, { input: { items: lines, idempotencyKey: key } }, token).then(
            asRest,
          ),

    move: ({ token }: Session, { id, status, door }: { id: string; status: string; door: Door }) =>
      door === 'REST'
        ? rest<SeenOrder>('PUT', `/orders/${id}/status`, { token, body: { status } })
        : graphql<SeenOrder>('changeOrderStatus', changeOrderStatus, { id, status: inGraphql[status] }, token).then(
            asRest,
          ),

    cancel: ({ token }: Session, { id, door }: { id: string; door: Door }) =>
      door === 'REST'
        ? rest<SeenOrder>('PUT', `/orders/${id}/status`, { token, body: { status: 'Annulée' } })
        : graphql<SeenOrder>('cancelOrder', cancelOrder, { id }, token).then(asRest),

    adjust: (
      { token }: Session,
      { productId, delta, reason, door }: { productId: string; delta: number; reason: string; door: Door },
    ) =>
      door === 'REST'
        ? rest('POST', `/products/${productId}/stock`, { token, body: { delta, reason } })
        : graphql('adjustStock', adjustStock, { id: productId, delta, reason }, token),

    read: ({ userId, token }: Session, id: string): Promise<Outcome<SeenOrder>> =>
      rest('GET', `/orders/${userId}/${id}`, { token }),

    letters: ({ token }: Session, orderId: string): Promise<Outcome<{ items: { id: string }[] }>> =>
      rest('GET', `/notifications?orderId=${orderId}`, { token }),

    resend: ({ token }: Session, id: string) => rest('POST', `/notifications/${id}/resend`, { token }),
  }
}

/** A session as auth-service answers it. */
export type Signed = { user: { id: string }; accessToken: string }

export const sessionOf = ({ user, accessToken }: Signed): Session => ({ userId: user.id, token: accessToken })

const said = (body: unknown, traceId: string | null): string =>
  `${JSON.stringify(body)?.slice(0, 400)} (trace ${traceId})`

/** GraphQL's order in REST's words. */
function asRest(outcome: Outcome<SeenOrder>): Outcome<SeenOrder> {
  if (outcome.kind !== 'done') return outcome
  const { status, statusHistory, ...order } = outcome.value
  return {
    ...outcome,
    value: {
      ...order,
      status: inRest[status] ?? status,
      statusHistory: statusHistory.map((entry) => ({ ...entry, status: inRest[entry.status] ?? entry.status })),
    },
  }
}
