import {
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
  isInterfaceType,
  isCompositeType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLOutputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { Refusal } from './refusal.ts'

/**
 * How much one GraphQL document may ask for. Fragments count wherever they are spread, so that they hide nothing.
 *
 * `tokens`: words and signs of the text; the parser stops there. `depth`: fields inside fields; `introspectionDepth` the same
 * below `__schema` and `__type`. `fields`: all of them. `rootFields`: those that begin an operation. `aliases`: fields under
 * another name. `cost`: how many objects may come, by `costsOf`.
 */
export type Limits = {
  tokens: number
  depth: number
  introspectionDepth: number
  fields: number
  rootFields: number
  aliases: number
  cost: number
}

/**
 * How costs are counted: the length taken for a list that has no `first`, what a mutation costs beside its answer, and what
 * each field costs when its document is new, for it is planned then.
 */
export type Prices = { unpaged: number; mutation: number; planned: number }

/** Counts do not grow beyond this, so that what doubles at each step stays a number. */
const MANY = 1e9

type Size = { depth: number; introspectionDepth: number; fields: number; aliases: number; direct: number }

const nothing: Size = { depth: 0, introspectionDepth: 0, fields: 0, aliases: 0, direct: 0 }

/** Names of limits as a sentence has them, and the sizes that they are about. */
const told = {
  rootFields: ['root fields', 'direct'],
  depth: ['levels of fields', 'depth'],
  introspectionDepth: ['levels of introspection', 'introspectionDepth'],
  fields: ['fields', 'fields'],
  aliases: ['aliases', 'aliases'],
} as const satisfies Partial<Record<keyof Limits, [string, keyof Size]>>

const ofOperations = ['rootFields', 'depth', 'introspectionDepth', 'fields', 'aliases'] as const
const ofFragments = ['fields', 'aliases'] as const

/** A refusal that names the limit: how much is allowed of what, and how much was found where that is known. */
export const tooComplex = (what: string, allowed: number, found?: number): Refusal =>
  new Refusal(
    'QUERY_TOO_COMPLEX',
    `This operation has ${found === undefined || found >= MANY ? 'far too many' : found} ${what}: ${allowed} are allowed.`,
  )

/**
 * Why a document is more than `limits` allow, as its text stands; undefined when it is not. It need not be valid: each
 * fragment is looked at once, so neither cycles nor spreads that double cost anything.
 */
export function beyondLimits(document: DocumentNode, limits: Omit<Limits, 'tokens' | 'cost'>): Refusal | undefined {
  const sizeOf = sizesIn(document)
  for (const definition of document.definitions) {
    if (!('selectionSet' in definition)) continue
    const size = sizeOf(definition.selectionSet)
    // A fragment by itself has no depth, but validation reads it all the same.
    const kinds = definition.kind === Kind.OPERATION_DEFINITION ? ofOperations : ofFragments
    for (const limit of kinds) {
      const [what, kind] = told[limit]
      if (size[kind] > limits[limit]) return tooComplex(what, limits[limit], size[kind])
    }
  }
  return undefined
}

/** How many fields the operations of a document have, those of fragments wherever they are spread. */
export function fieldsIn(document: DocumentNode): number {
  const sizeOf = sizesIn(document)
  return document.definitions.reduce(
    (sum, definition) =>
      definition.kind === Kind.OPERATION_DEFINITION ? sum + sizeOf(definition.selectionSet).fields : sum,
    0,
  )
}

function sizesIn({ definitions }: DocumentNode): (set: SelectionSetNode) => Size {
  const fragments = fragmentsIn(definitions)
  const known = new Map<string, Size>()

  const ofFragment = (name: string): Size => {
    const before = known.get(name)
    if (before) return before
    known.set(name, nothing) // a cycle ends here; validation refuses it
    const fragment = fragments.get(name)
    const size = fragment ? of(fragment.selectionSet) : nothing
    known.set(name, size)
    return size
  }

  const ofField = ({ name, alias, selectionSet }: FieldNode): Size => {
    const inner = selectionSet ? of(selectionSet) : nothing
    const introspects = name.value === '__schema' || name.value === '__type'
    return {
      depth: introspects ? 1 : inner.depth + 1,
      introspectionDepth: introspects ? inner.depth + 1 : inner.introspectionDepth,
      fields: inner.fields + 1,
      aliases: inner.aliases + (alias ? 1 : 0),
      direct: 1,
    }
  }

  const of = ({ selections }: SelectionSetNode): Size => {
    const sum = { ...nothing }
    for (const selection of selections) {
      const size =
        selection.kind === Kind.FIELD
          ? ofField(selection)
          : selection.kind === Kind.INLINE_FRAGMENT
            ? of(selection.selectionSet)
            : ofFragment(selection.name.value)
      sum.depth = Math.max(sum.depth, size.depth)
      sum.introspectionDepth = Math.max(sum.introspectionDepth, size.introspectionDepth)
      sum.fields = Math.min(sum.fields + size.fields, MANY)
      sum.aliases = Math.min(sum.aliases + size.aliases, MANY)
      sum.direct = Math.min(sum.direct + size.direct, MANY)
    }
    return sum
  }
  return of
}

/** What an operation costs with these variables. */
export type CostOf = (variables: Readonly<Record<string, unknown>> | null | undefined) => number

/** The cost of a selection, `size` times: the `first` of the page that it is the inside of, if it is of one. */
type Part = (variables: Readonly<Record<string, unknown>>, size: number | undefined) => number

/**
 * How many objects each operation of a valid document may bring: an object counts 1, a list as often as it is long, all
 * inside it included. A field with `first` is that long, by its value, its variable or its default; other lists are taken to
 * be `unpaged` long. Values are free, and so is introspection.
 *
 * Made once a document, and then only evaluated: a hot operation pays some additions.
 */
export function costsOf(
  schema: GraphQLSchema,
  { definitions }: DocumentNode,
  { unpaged, mutation }: Omit<Prices, 'planned'>,
) {
  const fragments = fragmentsIn(definitions)
  const known = new Map<string, Part>()

  const ofFragment = (name: string): Part => {
    const before = known.get(name)
    if (before) return before
    const { selectionSet, typeCondition } = fragments.get(name)!
    const part = of(selectionSet, schema.getType(typeCondition.name.value))
    known.set(name, part)
    return part
  }

  const of = ({ selections }: SelectionSetNode, type: GraphQLNamedType | undefined): Part => {
    const parts: Part[] = []
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) parts.push(ofFragment(selection.name.value))
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        parts.push(
          of(
            selection.selectionSet,
            selection.typeCondition ? schema.getType(selection.typeCondition.name.value) : type,
          ),
        )
      else if (selection.selectionSet && !selection.name.value.startsWith('__')) parts.push(ofField(selection, type))
    }
    return (variables, size) => parts.reduce((sum, part) => sum + part(variables, size), 0)
  }

  const ofField = ({ name, arguments: given, selectionSet }: FieldNode, type: GraphQLNamedType | undefined): Part => {
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name.value] : undefined
    if (!field) return () => 0
    const inside = of(selectionSet!, getNamedType(field.type))
    const first = field.args.find((arg) => arg.name === 'first')
    if (first) {
      const value = given?.find((arg) => arg.name.value === 'first')?.value
      const usual = typeof first.defaultValue === 'number' ? first.defaultValue : unpaged
      const firstOf = (variables: Readonly<Record<string, unknown>>): number => {
        const wished =
          value?.kind === Kind.INT
            ? Number(value.value)
            : value?.kind === Kind.VARIABLE
              ? variables[value.name.value]
              : usual
        return typeof wished === 'number' && wished > 0 ? wished : usual
      }
      return isList(field.type)
        ? (variables) => firstOf(variables) * (1 + inside(variables, undefined))
        : (variables) => 1 + inside(variables, firstOf(variables))
    }
    return isList(field.type)
      ? (variables, size = unpaged) => size * (1 + inside(variables, undefined))
      : (variables) => 1 + inside(variables, undefined)
  }

  const ofOperation = ({ operation, selectionSet, variableDefinitions = [] }: OperationDefinitionNode): CostOf => {
    const part = of(selectionSet, schema.getRootType(operation) ?? undefined)
    const mutations = operation === OperationTypeNode.MUTATION ? mutation * selectionSet.selections.length : 0
    const defaults: Record<string, unknown> = {}
    for (const { variable, defaultValue } of variableDefinitions)
      if (defaultValue?.kind === Kind.INT) defaults[variable.name.value] = Number(defaultValue.value)
    return (variables) => mutations + part({ ...defaults, ...variables }, undefined)
  }

  return new Map(
    definitions
      .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
      .map((operation) => [operation.name?.value, ofOperation(operation)]),
  )
}

const isList = (type: GraphQLOutputType): boolean =>
  isListType(getNullableType(type)) && isCompositeType(getNamedType(type))

const fragmentsIn = (definitions: DocumentNode['definitions']): Map<string, FragmentDefinitionNode> =>
  new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  )
