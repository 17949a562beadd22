import { cacheExchange } from '@urql/exchange-graphcache'
import { Client, fetchExchange, type AnyVariables, type TypedDocumentNode } from '@urql/core'
import { session } from '../session/session.ts'
import { toApiError } from './errors.ts'
import { createPersistedFetch } from './persisted-fetch.ts'

/** Types without an id of their own: they are stored within what they belong to. */
const embedded = () => null

/** Sends a GraphQL request with the access token; renews the token once when a service rejects it. */
const authorizedFetch: typeof fetch = async (input, init) => {
  const send = (token: string | undefined): Promise<Response> => {
    const headers = new Headers(init?.headers)
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    return fetch(input, { ...init, headers })
  }
  const token = await session.accessToken()
  const response = await send(token)
  if (response.status !== 401 || token === undefined) return response
  return send(await session.replaceToken(token))
}

/** Sends an operation: for the client, and for a caller who reads the response as a stream. */
export const sendOperation = createPersistedFetch(authorizedFetch)

const createClient = (): Client =>
  new Client({
    url: '/graphql',
    fetch: sendOperation,
    preferGetMethod: false,
    exchanges: [
      cacheExchange({
        keys: {
          ProductConnection: embedded,
          OrderConnection: embedded,
          NotificationConnection: embedded,
          OpenSessionConnection: embedded,
          UserConnection: embedded,
          SecurityEventConnection: embedded,
          StockMovementConnection: embedded,
          DeadLetterConnection: embedded,
          DeadLetterOrigin: embedded,
          MessageHeader: embedded,
          OrderStatistics: embedded,
          DayStatistics: embedded,
          StatusStatistics: embedded,
          PageInfo: embedded,
          OrderItem: embedded,
          StatusChange: embedded,
          Category: ({ name }) => (typeof name === 'string' ? name : null),
        },
        resolvers: { Query: { product: (_parent, { id }) => ({ __typename: 'Product', id: id as string }) } },
      }),
      fetchExchange,
    ],
  })

let client: Client | undefined
let owner: string | undefined

/** The GraphQL client of this tab, with a normalised cache. A change of the user starts with an empty one. */
export function apiClient(): Client {
  const state = session.state()
  const user = state.status === 'signed-in' ? state.user.id : undefined
  if (client === undefined || owner !== user) {
    client = createClient()
    owner = user
  }
  return client
}

/** Runs a query: see api.ts. */
export async function query<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  policy: 'cache-first' | 'network-only',
): Promise<Data> {
  await session.ready()
  const { data, error } = await apiClient().query(document, variables, { requestPolicy: policy }).toPromise()
  if (data === undefined || data === null || (error !== undefined && isEmpty(data))) throw toApiError(error!)
  return data
}

/** Runs a mutation: see api.ts. */
export async function mutate<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  await session.ready()
  const { data, error } = await apiClient().mutation(document, variables).toPromise()
  if (error !== undefined) throw toApiError(error)
  return data!
}

const isEmpty = (data: object): boolean =>
  Object.entries(data).every(([field, value]) => field === '__typename' || value === null)
