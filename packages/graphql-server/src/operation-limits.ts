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
import { AppError } from '@halles/errors/app-error'

/**
 * Limits of one GraphQL document. A fragment counts at every place where it is spread.
 *
 * `tokens`: lexical tokens of the text, at which the parser stops. `depth`: levels of nested fields; `introspectionDepth`: the
 * same below `__schema` and `__type`. `fields`: all fields. `rootFields`: the top-level fields of an operation. `aliases`:
 * fields with an alias. `cost`: the most objects that the response may hold, by `operationCosts`.
 */
export type OperationLimits = {
  tokens: number
  depth: number
  introspectionDepth: number
  fields: number
  rootFields: number
  aliases: number
  cost: number
}

/**
 * Factors of an operation's cost. `unpaged`: the assumed length of a list without `first`. `mutation`: the cost of a mutation
 * beside its result. `planned`: the cost of each field of a new document, for which a query plan is made.
 */
export type CostFactors = { unpaged: number; mutation: number; planned: number }

/** Counts stop here, so that fragments which double at every level do not overflow a number. */
const MAX_COUNT = 1e9

type Size = { depth: number; introspectionDepth: number; fields: number; aliases: number; rootFields: number }

const emptySize: Size = { depth: 0, introspectionDepth: 0, fields: 0, aliases: 0, rootFields: 0 }

/** The wording of each limit in an error message. */
const limitNames = {
  rootFields: 'root fields',
  depth: 'levels of fields',
  introspectionDepth: 'levels of introspection',
  fields: 'fields',
  aliases: 'aliases',
} as const satisfies Partial<Record<keyof OperationLimits, string>>

const operationLimits = ['rootFields', 'depth', 'introspectionDepth', 'fields', 'aliases'] as const
const fragmentLimits = ['fields', 'aliases'] as const

/** Creates the error for an exceeded limit. `found` is omitted when the count is unknown. */
export const tooComplexError = (what: string, allowed: number, found?: number): AppError =>
  new AppError(
    'QUERY_TOO_COMPLEX',
    `This operation has ${found === undefined || found >= MAX_COUNT ? 'far too many' : found} ${what}: ${allowed} are allowed.`,
  )

/**
 * Returns the error for the first limit that a document exceeds, or undefined. The document need not be valid. Each fragment
 * is measured once, so fragment cycles and exponentially nested spreads take linear time.
 */
export function checkLimits(
  document: DocumentNode,
  limits: Omit<OperationLimits, 'tokens' | 'cost'>,
): AppError | undefined {
  const measure = createMeasure(document)
  for (const definition of document.definitions) {
    if (!('selectionSet' in definition)) continue
    const size = measure(definition.selectionSet)
    // An unused fragment has no depth, but validation still visits all of its fields.
    const checked = definition.kind === Kind.OPERATION_DEFINITION ? operationLimits : fragmentLimits
    for (const limit of checked)
      if (size[limit] > limits[limit]) return tooComplexError(limitNames[limit], limits[limit], size[limit])
  }
  return undefined
}

/** Counts the fields of all operations in a document, including those of every fragment spread. */
export function countFields(document: DocumentNode): number {
  const measure = createMeasure(document)
  return document.definitions.reduce(
    (sum, definition) =>
      definition.kind === Kind.OPERATION_DEFINITION ? sum + measure(definition.selectionSet).fields : sum,
    0,
  )
}

/** Creates a function that measures selection sets of a document and remembers the size of each fragment. */
function createMeasure({ definitions }: DocumentNode): (set: SelectionSetNode) => Size {
  const fragments = fragmentsIn(definitions)
  const known = new Map<string, Size>()

  const measureFragment = (name: string): Size => {
    const knownSize = known.get(name)
    if (knownSize) return knownSize
    known.set(name, emptySize) // ends a cycle, which validation rejects
    const fragment = fragments.get(name)
    const size = fragment ? measure(fragment.selectionSet) : emptySize
    known.set(name, size)
    return size
  }

  const measureField = ({ name, alias, selectionSet }: FieldNode): Size => {
    const inner = selectionSet ? measure(selectionSet) : emptySize
    const introspects = name.value === '__schema' || name.value === '__type'
    return {
      depth: introspects ? 1 : inner.depth + 1,
      introspectionDepth: introspects ? inner.depth + 1 : inner.introspectionDepth,
      fields: inner.fields + 1,
      aliases: inner.aliases + (alias ? 1 : 0),
      rootFields: 1,
    }
  }

  const measure = ({ selections }: SelectionSetNode): Size => {
    const sum = { ...emptySize }
    for (const selection of selections) {
      const size =
        selection.kind === Kind.FIELD
          ? measureField(selection)
          : selection.kind === Kind.INLINE_FRAGMENT
            ? measure(selection.selectionSet)
            : measureFragment(selection.name.value)
      sum.depth = Math.max(sum.depth, size.depth)
      sum.introspectionDepth = Math.max(sum.introspectionDepth, size.introspectionDepth)
      sum.fields = Math.min(sum.fields + size.fields, MAX_COUNT)
      sum.aliases = Math.min(sum.aliases + size.aliases, MAX_COUNT)
      sum.rootFields = Math.min(sum.rootFields + size.rootFields, MAX_COUNT)
    }
    return sum
  }
  return measure
}

/** Computes the cost of an operation from its variables. */
export type CostFunction = (variables: Readonly<Record<string, unknown>> | null | undefined) => number

/** Computes the cost of a selection; `size` is the `first` of the enclosing page field, if there is one. */
type CostTerm = (variables: Readonly<Record<string, unknown>>, size: number | undefined) => number

/**
 * Returns the cost function of each operation of a valid document, by name: the most objects that its response may hold. An
 * object costs 1; a list multiplies the cost of its items by its length. The length is `first` (value, variable or
 * default), or `unpaged` for a list without it. Scalars and introspection are free.
 *
 * The document is analysed once, so that a repeated operation costs only the arithmetic.
 */
export function operationCosts(
  schema: GraphQLSchema,
  { definitions }: DocumentNode,
  { unpaged, mutation }: Omit<CostFactors, 'planned'>,
) {
  const fragments = fragmentsIn(definitions)
  const known = new Map<string, CostTerm>()

  const costOfFragment = (name: string): CostTerm => {
    const knownTerm = known.get(name)
    if (knownTerm) return knownTerm
    const { selectionSet, typeCondition } = fragments.get(name)!
    const term = costOfSelections(selectionSet, schema.getType(typeCondition.name.value))
    known.set(name, term)
    return term
  }

  const costOfSelections = ({ selections }: SelectionSetNode, type: GraphQLNamedType | undefined): CostTerm => {
    const terms: CostTerm[] = []
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) terms.push(costOfFragment(selection.name.value))
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        terms.push(
          costOfSelections(
            selection.selectionSet,
            selection.typeCondition ? schema.getType(selection.typeCondition.name.value) : type,
          ),
        )
      else if (selection.selectionSet && !selection.name.value.startsWith('__'))
        terms.push(costOfField(selection, type))
    }
    return (variables, size) => terms.reduce((sum, term) => sum + term(variables, size), 0)
  }

  const costOfField = (
    { name, arguments: given, selectionSet }: FieldNode,
    type: GraphQLNamedType | undefined,
  ): CostTerm => {
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name.value] : undefined
    if (!field) return () => 0
    const itemCost = costOfSelections(selectionSet!, getNamedType(field.type))
    const first = field.args.find((arg) => arg.name === 'first')
    if (first) {
      const value = given?.find((arg) => arg.name.value === 'first')?.value
      const fallback = typeof first.defaultValue === 'number' ? first.defaultValue : unpaged
      const lengthFrom = (variables: Readonly<Record<string, unknown>>): number => {
        const requested =
          value?.kind === Kind.INT
            ? Number(value.value)
            : value?.kind === Kind.VARIABLE
              ? variables[value.name.value]
              : fallback
        return typeof requested === 'number' && requested > 0 ? requested : fallback
      }
      return isList(field.type)
        ? (variables) => lengthFrom(variables) * (1 + itemCost(variables, undefined))
        : (variables) => 1 + itemCost(variables, lengthFrom(variables))
    }
    return isList(field.type)
      ? (variables, size = unpaged) => size * (1 + itemCost(variables, undefined))
      : (variables) => 1 + itemCost(variables, undefined)
  }

  const costOfOperation = ({
    operation,
    selectionSet,
    variableDefinitions = [],
  }: OperationDefinitionNode): CostFunction => {
    const term = costOfSelections(selectionSet, schema.getRootType(operation) ?? undefined)
    const mutations = operation === OperationTypeNode.MUTATION ? mutation * selectionSet.selections.length : 0
    const defaults: Record<string, unknown> = {}
    for (const { variable, defaultValue } of variableDefinitions)
      if (defaultValue?.kind === Kind.INT) defaults[variable.name.value] = Number(defaultValue.value)
    return (variables) => mutations + term({ ...defaults, ...variables }, undefined)
  }

  return new Map(
    definitions
      .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
      .map((operation) => [operation.name?.value, costOfOperation(operation)]),
  )
}

/** Whether a field returns a list of objects. */
const isList = (type: GraphQLOutputType): boolean =>
  isListType(getNullableType(type)) && isCompositeType(getNamedType(type))

const fragmentsIn = (definitions: DocumentNode['definitions']): Map<string, FragmentDefinitionNode> =>
  new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  )
