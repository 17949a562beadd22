import { GraphQLError, Kind, parse, type SelectionSetNode } from 'graphql'
import { AppError } from '@halles/errors/app-error'

/** A path in a response: response names of fields, and list indices (GraphQL specification, section 7.1.2). */
export type Path = readonly (string | number)[]

/** A fetch that brought nothing: the fields `responseNames` of the objects at `paths` are missing. */
export type FailedFetch = { paths: readonly Path[]; responseNames: readonly string[]; error: AppError }

/** An error that a subgraph answered, at its path in the client's response. */
export type SubgraphError = { path: Path; error: AppError }

/** Everything that went wrong in one operation of which some data could be fetched. */
export type PartialFailure = {
  subgraphErrors: readonly SubgraphError[]
  failedFetches: readonly FailedFetch[]
  /** Where a subgraph returned null for a non-null field, or a value of another type. */
  invalidPaths: readonly Path[]
}

/**
 * Creates the `errors` of a response: the subgraph errors, one error for each null that a failed fetch left, and one
 * `INTERNAL` error for each invalid null that none of these explains.
 *
 * @param data the response data, with its nulls
 * @param traceId the extension of `INTERNAL` errors
 * @param onUnexplained called with the path of each invalid value that no other error explains
 */
export function toGraphQLErrors(
  data: unknown,
  { subgraphErrors, failedFetches, invalidPaths }: PartialFailure,
  traceId: string | undefined,
  onUnexplained: (path: Path) => void,
): GraphQLError[] {
  const errors = new Map<string, GraphQLError>()
  const explainedNulls = new Set<string>()
  const addError = (path: Path, { message, code, extensions }: AppError): void => {
    explainedNulls.add(toKey(firstNullOnPath(data, path)))
    const key = toKey(path)
    if (errors.has(key)) return
    const withTrace = { ...extensions, ...(code === 'INTERNAL' && { traceId }) }
    errors.set(key, new GraphQLError(message, { ...(path.length > 0 && { path }), extensions: withTrace }))
  }
  for (const { path, error } of subgraphErrors) addError(path, error)
  for (const { paths, responseNames, error } of failedFetches) {
    const nulls = paths.flatMap((path) => findNulls(data, path, responseNames))
    for (const path of nulls.length > 0 ? nulls : paths.slice(0, 1)) addError(path, error)
  }
  for (const path of invalidPaths) {
    const nullPath = firstNullOnPath(data, path)
    if (explainedNulls.has(toKey(nullPath))) continue
    onUnexplained(path)
    addError(nullPath, new AppError('INTERNAL', 'Something went wrong here.'))
  }
  return [...errors.values()]
}

const toKey = (path: Path): string => path.join('/')

/** The path of the first null along `path`; the root field of `path` where all of the data is null. */
function firstNullOnPath(data: unknown, path: Path): Path {
  if (data === null) return path.slice(0, 1)
  let value: unknown = data
  for (const [depth, key] of path.entries()) {
    value = (value as Record<string | number, unknown>)[key]
    if (value === undefined) break
    if (value === null) return path.slice(0, depth + 1)
  }
  return path
}

/** The paths of the nulls among the fields `responseNames` of the object at `path`; none for fields that were not selected. */
function findNulls(data: unknown, path: Path, responseNames: readonly string[]): Path[] {
  const nullPath = firstNullOnPath(data, path)
  let value = data
  for (const key of nullPath) {
    if (value === null) return [nullPath] // all of the data is null
    value = (value as Record<string | number, unknown>)[key]
    if (value === undefined) return []
  }
  if (value === null) return nullPath.length > 0 ? [nullPath] : responseNames.map((name) => [name])
  return responseNames
    .filter((name) => (value as Record<string, unknown>)[name] === null)
    .map((name) => [...path, name])
}

/**
 * Expands a path of the query plan to the paths of the objects in the fetched data: `orders.nodes.@.customer` gives one
 * path for each order that has a customer, in the order in which the executor requests the entities.
 */
export function expandPath(data: unknown, pattern: Path): Path[] {
  const paths: Path[] = []
  const visit = (value: unknown, depth: number, path: Path): void => {
    if (value === null || value === undefined) return
    if (Array.isArray(value)) {
      const next = pattern[depth] === '@' ? depth + 1 : depth
      for (const [i, item] of value.entries()) visit(item, next, [...path, i])
    } else if (depth === pattern.length) paths.push(path)
    else {
      const key = pattern[depth]!
      visit((value as Record<string, unknown>)[key], depth + 1, [...path, key])
    }
  }
  visit(data, 0, [])
  return paths
}

/** The response names that a subgraph operation selects: of its root fields, or of the entities when it fetches those. */
export function findResponseNames(query: string): string[] {
  const document = parse(query, { noLocation: true })
  const fragments = new Map<string, SelectionSetNode>()
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node.selectionSet)
  const names = new Set<string>()
  const collect = (set: SelectionSetNode | undefined): void => {
    for (const node of set?.selections ?? []) {
      if (node.kind === Kind.FIELD) {
        if (node.name.value === '_entities') collect(node.selectionSet)
        else names.add(node.alias?.value ?? node.name.value)
      } else collect(node.kind === Kind.INLINE_FRAGMENT ? node.selectionSet : fragments.get(node.name.value))
    }
  }
  for (const node of document.definitions) if (node.kind === Kind.OPERATION_DEFINITION) collect(node.selectionSet)
  names.delete('__typename')
  return [...names]
}
