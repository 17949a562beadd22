import { GraphQLError, Kind, parse, type SelectionSetNode } from 'graphql'
import { Refusal } from '@halles/service/refusal'

/** A place in a response: field names as the client named them, and list indices. */
export type Path = readonly (string | number)[]

/** Something that a subgraph was asked for and did not give: `keys` of the objects at `places`. */
export type Missed = { places: readonly Path[]; keys: readonly string[]; refusal: Refusal }

/** An error that a subgraph told, at the place where the client sees it. */
export type Told = { path: Path; refusal: Refusal }

/**
 * The errors of a response: what subgraphs told, one for each null where something was missed, and one for each null
 * that should not be there and that nothing explains (`INTERNAL`, also given to `unexplained`).
 *
 * @param data the response, nulls and all
 * @param broken where a null was found for a non-null, or a value of another type
 * @param traceId what an `INTERNAL` error carries
 */
export function errorsOf(
  data: unknown,
  { told, missed, broken }: { told: readonly Told[]; missed: readonly Missed[]; broken: readonly Path[] },
  traceId: string | undefined,
  unexplained: (path: Path) => void,
): GraphQLError[] {
  const errors = new Map<string, GraphQLError>()
  const explained = new Set<string>()
  const tell = (path: Path, { message, code, extensions }: Refusal): void => {
    explained.add(keyOf(nullAlong(data, path)))
    const key = keyOf(path)
    if (errors.has(key)) return
    const more = { ...extensions, ...(code === 'INTERNAL' && { traceId }) }
    errors.set(key, new GraphQLError(message, { ...(path.length > 0 && { path }), extensions: more }))
  }
  for (const { path, refusal } of told) tell(path, refusal)
  for (const { places, keys, refusal } of missed) {
    const nulls = places.flatMap((place) => nullsAt(data, place, keys))
    for (const path of nulls.length > 0 ? nulls : places.slice(0, 1)) tell(path, refusal)
  }
  for (const path of broken) {
    const at = nullAlong(data, path)
    if (explained.has(keyOf(at))) continue
    unexplained(path)
    tell(at, new Refusal('INTERNAL', 'Something went wrong here.'))
  }
  return [...errors.values()]
}

const keyOf = (path: Path): string => path.join('/')

/** The first null on the way along a path; where all of the response is null, the path's root field. */
function nullAlong(data: unknown, path: Path): Path {
  if (data === null) return path.slice(0, 1)
  let value: unknown = data
  for (const [depth, key] of path.entries()) {
    value = (value as Record<string | number, unknown>)[key]
    if (value === undefined) break
    if (value === null) return path.slice(0, depth + 1)
  }
  return path
}

/** The nulls that stand where `keys` of the object at `place` are missing; none when the client did not ask for them. */
function nullsAt(data: unknown, place: Path, keys: readonly string[]): Path[] {
  const at = nullAlong(data, place)
  let value = data
  for (const key of at) {
    if (value === null) return [at] // all of the response is null
    value = (value as Record<string | number, unknown>)[key]
    if (value === undefined) return []
  }
  if (value === null) return at.length > 0 ? [at] : keys.map((key) => [key])
  return keys.filter((key) => (value as Record<string, unknown>)[key] === null).map((key) => [...place, key])
}

/**
 * Where the objects are that a pattern of the query plan names: `orders.nodes.@.customer` is one place for each order
 * that has a customer, in the order in which the executor asks for them.
 */
export function placesOf(tree: unknown, pattern: Path): Path[] {
  const places: Path[] = []
  const walk = (value: unknown, depth: number, place: Path): void => {
    if (value === null || value === undefined) return
    if (Array.isArray(value)) {
      const next = pattern[depth] === '@' ? depth + 1 : depth
      for (const [i, item] of value.entries()) walk(item, next, [...place, i])
    } else if (depth === pattern.length) places.push(place)
    else {
      const key = pattern[depth]!
      walk((value as Record<string, unknown>)[key], depth + 1, [...place, key])
    }
  }
  walk(tree, 0, [])
  return places
}

/** The names under which a subgraph operation gives fields of the objects that it is about. */
export function keysOf(query: string): string[] {
  const document = parse(query, { noLocation: true })
  const fragments = new Map<string, SelectionSetNode>()
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node.selectionSet)
  const keys = new Set<string>()
  const collect = (set: SelectionSetNode | undefined): void => {
    for (const node of set?.selections ?? []) {
      if (node.kind === Kind.FIELD) {
        if (node.name.value === '_entities') collect(node.selectionSet)
        else keys.add(node.alias?.value ?? node.name.value)
      } else collect(node.kind === Kind.INLINE_FRAGMENT ? node.selectionSet : fragments.get(node.name.value))
    }
  }
  for (const node of document.definitions) if (node.kind === Kind.OPERATION_DEFINITION) collect(node.selectionSet)
  keys.delete('__typename')
  return [...keys]
}
