import type { AnyVariables, TypedDocumentNode } from '@urql/core'

/** The GraphQL client is loaded when a page first asks for data: a page that the server has rendered needs none. */
const loadClient = () => import('./client.ts')

type RequestPolicy = 'cache-first' | 'network-only'

/**
 * Runs a query in the browser.
 *
 * @param policy `cache-first` answers from the cache when it can; `network-only` always asks the gateway
 * @throws ApiError when there is no data at all; a partial answer is returned
 */
export async function query<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  policy: RequestPolicy = 'cache-first',
): Promise<Data> {
  return (await loadClient()).query(document, variables, policy)
}

/**
 * Runs a mutation in the browser.
 *
 * @throws ApiError when it failed
 */
export async function mutate<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  return (await loadClient()).mutate(document, variables)
}
