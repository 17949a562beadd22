// The doors that the shop declares, read from what the services are generated from, or generate: a new one cannot be missed.
// Those that are declared nowhere: routes.ts.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { productFileDescriptor } from '@halles/contracts/product-grpc'
import { Kind, parse, type FieldDefinitionNode, type ObjectTypeDefinitionNode, type TypeNode } from 'graphql'

export const services = ['auth', 'product', 'order', 'notification'] as const
export type Service = (typeof services)[number]
/** Who answers at a door. */
export type Keeper = Service | 'gateway'

/**
 * - `rest` a route of openapi.json, `hidden` one that it does not tell of (routes.ts)
 * - `root` a field of Query or Mutation, `entity` a type that `_entities` answers, `field` one that leads from a type to
 *   another subgraph's or is asked by arguments
 * - `grpc` a method
 */
export type DoorKind = 'rest' | 'hidden' | 'root' | 'entity' | 'field' | 'grpc'
export type Door = {
  keeper: Keeper
  kind: DoorKind
  name: string
  /** Where the table must say who may use it; by its kind, if it is not said. */
  at?: readonly At[]
}

/** Where one may ask: at a service’s own door, at the gateway’s, or at the one for operators. */
export type At = 'own' | 'gateway' | 'operator'

const root = path.resolve(import.meta.dirname, '../../..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')

/** All doors that are declared, of all services; what else there is only a running shop tells. */
export const declaredDoors = (): Door[] => [
  ...services.flatMap((service) => [...restRoutes(service), ...graphqlDoors(service)]),
  ...grpcMethods(),
]

/** The routes that a service tells of. */
export function restRoutes(keeper: Service): Door[] {
  const { paths } = JSON.parse(read(`apps/${keeper}-service/openapi.json`)) as { paths: Record<string, object> }
  return Object.entries(paths).flatMap(([route, methods]) =>
    Object.keys(methods).map((method) => ({ keeper, kind: 'rest' as const, name: `${method.toUpperCase()} ${route}` })),
  )
}

function graphqlDoors(keeper: Service): Door[] {
  const types = objectTypes(`apps/${keeper}-service/schema.graphql`)
  const door = (kind: DoorKind, name: string): Door => ({ keeper, kind, name })
  const elsewhere = new Set(
    services
      .filter((other) => other !== keeper)
      .flatMap((other) => objectTypes(`apps/${other}-service/schema.graphql`))
      .filter(isEntity)
      .map(({ name }) => name.value),
  )
  const ours = types.flatMap(({ name: { value: type }, fields = [], ...node }) => {
    if (type === 'Query' || type === 'Mutation')
      return fields.map((field) => door('root', `${type}.${field.name.value}`))
    if (/(Edge|Connection)$/.test(type)) return [] // parts of a list that is a door itself
    return [
      ...(isEntity(node) && homeOf(type) === keeper ? [door('entity', type)] : []),
      ...fields
        .filter((field) => field.arguments?.length || leadsAway(type, field))
        .map((field) => door('field', `${type}.${field.name.value}`)),
    ]
  })

  return [...ours, door('root', 'Query._service'), door('root', 'Query._entities')]

  /** A field to an entity that is at home in another subgraph, or one (not the key) that this one adds to such an entity. */
  function leadsAway(type: string, { name, type: to }: FieldDefinitionNode): boolean {
    const isForeign = (entity: string): boolean => elsewhere.has(entity) && homeOf(entity) !== keeper
    return isForeign(namedType(to)) || (isForeign(type) && name.value !== 'id')
  }
}

/** The subgraph that says most of an entity. */
function homeOf(type: string): Service {
  const sizes = services.map((service) => {
    const found = objectTypes(`apps/${service}-service/schema.graphql`).find(({ name }) => name.value === type)
    return { service, size: found?.fields?.length ?? 0 }
  })
  return sizes.toSorted((a, b) => b.size - a.size)[0]!.service
}

const objectTypes = (file: string): ObjectTypeDefinitionNode[] =>
  parse(read(file)).definitions.filter((node) => node.kind === Kind.OBJECT_TYPE_DEFINITION)

const isEntity = ({ directives = [] }: Pick<ObjectTypeDefinitionNode, 'directives'>): boolean =>
  directives.some(({ name }) => name.value === 'key')

const namedType = (type: TypeNode): string => (type.kind === Kind.NAMED_TYPE ? type.name.value : namedType(type.type))

/** The root fields of the supergraph, by which the gateway is asked. */
export const supergraphFields = (): string[] =>
  objectTypes('apps/gateway/supergraph.graphql')
    .filter(({ name }) => name.value === 'Query' || name.value === 'Mutation')
    .flatMap(({ name, fields = [] }) => fields.map((field) => `${name.value}.${field.name.value}`))

/** What reflection and health checks offer, by their own contracts. */
const standardMethods = [
  'grpc.health.v1.Health/Check',
  'grpc.health.v1.Health/List',
  'grpc.health.v1.Health/Watch',
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
]

function grpcMethods(): Door[] {
  const file = fromBinary(FileDescriptorProtoSchema, productFileDescriptor)
  const ours = file.service.flatMap(({ name, method }) => method.map((one) => `${file.package}.${name}/${one.name}`))
  return [...ours, ...standardMethods].map((name) => ({ keeper: 'product', kind: 'grpc', name }))
}
