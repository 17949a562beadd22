import { Client, fetchExchange, type AnyVariables, type TypedDocumentNode } from '@urql/core'
import { createContext, type RouterContextProvider } from 'react-router'
import type { ServerContext } from '../../src/server-context.ts'
import { toApiError } from './errors.ts'
import { createPersistedFetch } from './persisted-fetch.ts'

/** The key of the server's context in a request. entry.server.tsx exports it to the server. */
export const serverContext = createContext<ServerContext>()

const persistedFetch = createPersistedFetch(fetch)

/**
 * Runs a query as an anonymous visitor, while a page is rendered on the server.
 * @throws ApiError when there is no data at all; a partial answer is returned
 */
export async function queryOnServer<Data, Variables extends AnyVariables>(
  context: Readonly<RouterContextProvider>,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const { graphqlUrl, headers, signal } = context.get(serverContext)
  const client = new Client({
    url: graphqlUrl,
    preferGetMethod: false,
    fetch: persistedFetch,
    fetchOptions: { headers, signal },
    exchanges: [fetchExchange],
  })
  const { data, error } = await client.query(document, variables).toPromise()
  if (
    data === undefined ||
    data === null ||
    (error !== undefined && Object.values(data).every((value) => value === null))
  )
    throw toApiError(error!)
  return data
}
