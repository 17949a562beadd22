// The declared endpoints of the shop, read from the files that the services are generated from, or generate. A new endpoint
// is therefore never missed. runtime-routes.ts finds those that no file declares.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { productFileDescriptor } from '@halles/contracts/product-grpc'
import { Kind, parse, type FieldDefinitionNode, type ObjectTypeDefinitionNode, type TypeNode } from 'graphql'

export const services = ['auth', 'product', 'order', 'notification'] as const
export type Service = (typeof services)[number]
/** The process that serves an endpoint. */
export type Server = Service | 'gateway'

/**
 * - `rest` a route in openapi.json; `undeclared` a route that is not in it (runtime-routes.ts)
 * - `root` a field of Query, Mutation or Subscription; `entity` a type that `_entities` resolves; `field` a field with arguments, or one that
 *   leads to another subgraph's entity or extends it
 * - `grpc` a method
 */
export type EndpointKind = 'rest' | 'undeclared' | 'root' | 'entity' | 'field' | 'grpc'
export type Endpoint = {
  server: Server
  kind: EndpointKind
  name: string
  /** By which addresses the authorization matrix must cover it; by default this follows from the kind. */
  via?: readonly Via[]
}

/** The address of a request: that of the service itself, of the gateway, or of the gateway's operator port. */
export type Via = 'direct' | 'gateway' | 'operator'

const root = path.resolve(import.meta.dirname, '../../../..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')

const rootTypes: ReadonlySet<string> = new Set(['Query', 'Mutation', 'Subscription'])

/** The declared endpoints of all services. */
export const listDeclaredEndpoints = (): Endpoint[] => [
  ...services.flatMap((service) => [...listRestRoutes(service), ...listGraphqlEndpoints(service)]),
  ...listGrpcMethods(),
]

/** The routes in the openapi.json of a service. */
export function listRestRoutes(server: Service): Endpoint[] {
  const { paths } = JSON.parse(read(`apps/${server}-service/openapi.json`)) as { paths: Record<string, object> }
  return Object.entries(paths).flatMap(([route, methods]) =>
    Object.keys(methods).map((method) => ({ server, kind: 'rest' as const, name: `${method.toUpperCase()} ${route}` })),
  )
}

function listGraphqlEndpoints(server: Service): Endpoint[] {
  const types = readObjectTypes(schemaOf(server))
  const endpoint = (kind: EndpointKind, name: string): Endpoint => ({ server, kind, name })
  const entitiesElsewhere = new Set(
    services
      .filter((other) => other !== server)
      .flatMap((other) => readObjectTypes(schemaOf(other)))
      .filter(isEntity)
      .map(({ name }) => name.value),
  )
  const endpoints = types.flatMap(({ name: { value: type }, fields = [], ...node }) => {
    if (rootTypes.has(type)) return fields.map((field) => endpoint('root', `${type}.${field.name.value}`))
    if (/(Edge|Connection)$/.test(type)) return [] // parts of a list, whose field is the endpoint
    return [
      ...(isEntity(node) && ownerOf(type) === server ? [endpoint('entity', type)] : []),
      ...fields
        .filter((field) => field.arguments?.length || crossesSubgraphs(type, field))
        .map((field) => endpoint('field', `${type}.${field.name.value}`)),
    ]
  })

  return [...endpoints, endpoint('root', 'Query._service'), endpoint('root', 'Query._entities')]

  /** Whether a field returns an entity of another subgraph, or is one, other than the key, that this subgraph adds to it. */
  function crossesSubgraphs(type: string, { name, type: fieldType }: FieldDefinitionNode): boolean {
    const isForeign = (entity: string): boolean => entitiesElsewhere.has(entity) && ownerOf(entity) !== server
    return isForeign(namedType(fieldType)) || (isForeign(type) && name.value !== 'id')
  }
}

/** The subgraph that defines most fields of an entity. */
function ownerOf(type: string): Service {
  const sizes = services.map((service) => {
    const found = readObjectTypes(schemaOf(service)).find(({ name }) => name.value === type)
    return { service, size: found?.fields?.length ?? 0 }
  })
  return sizes.toSorted((a, b) => b.size - a.size)[0]!.service
}

const schemaOf = (service: Service): string => `apps/${service}-service/schema.graphql`

const readObjectTypes = (file: string): ObjectTypeDefinitionNode[] =>
  parse(read(file)).definitions.filter((node) => node.kind === Kind.OBJECT_TYPE_DEFINITION)

const isEntity = ({ directives = [] }: Pick<ObjectTypeDefinitionNode, 'directives'>): boolean =>
  directives.some(({ name }) => name.value === 'key')

const namedType = (type: TypeNode): string => (type.kind === Kind.NAMED_TYPE ? type.name.value : namedType(type.type))

/** The root fields of the supergraph, which clients of the gateway can request. */
export const listSupergraphFields = (): string[] =>
  readObjectTypes('apps/gateway/supergraph.graphql')
    .filter(({ name }) => rootTypes.has(name.value))
    .flatMap(({ name, fields = [] }) => fields.map((field) => `${name.value}.${field.name.value}`))

/** The methods of the standard services for health checks and reflection. */
const standardMethods = [
  'grpc.health.v1.Health/Check',
  'grpc.health.v1.Health/List',
  'grpc.health.v1.Health/Watch',
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
]

function listGrpcMethods(): Endpoint[] {
  const file = fromBinary(FileDescriptorProtoSchema, productFileDescriptor)
  const declared = file.service.flatMap(({ name, method }) =>
    method.map((one) => `${file.package}.${name}/${one.name}`),
  )
  return [...declared, ...standardMethods].map((name) => ({ server: 'product', kind: 'grpc', name }))
}
