import type { CodegenConfig } from '@graphql-codegen/cli'

/** The type of each entity inside its service. Resolvers of its fields get this type instead of the GraphQL type. */
const mappers = {
  auth: {
    User: '../accounts/user.ts#User as UserModel',
    SecurityEvent: '../security-log/security-event.ts#SecurityEvent as SecurityEventModel',
  },
  product: {
    Product: '../products/product.ts#Product as ProductModel',
    StockMovement: '../stock/stock-movement.ts#StockMovement as StockMovementModel',
  },
  order: {
    Order: '../order.ts#Order as OrderModel',
    OrderItem: '../order.ts#Line as LineModel',
    StatusChange: '../order.ts#StatusChange as StatusChangeModel',
    OrderStatistics: '../order-statistics.ts#OrderStatistics as OrderStatisticsModel',
    StatusStatistics: '../order-statistics.ts#StatusStatistics as StatusStatisticsModel',
  },
  notification: {
    Notification: '../emails/email.ts#Email',
    DeadLetter: '../dead-letters/dead-letter.ts#DeadLetter as DeadLetterModel',
  },
}

/** Clients get enums as unions of strings, and timestamps as strings. */
const clientConfig = {
  useTypeImports: true,
  enumsAsTypes: true,
  strictScalars: true,
  importExtension: '.ts',
  optimizeDocumentNode: true,
  dedupeFragments: true,
  scalars: { ID: 'string', DateTime: 'string' },
}

const resolverTypes: CodegenConfig['generates'] = Object.fromEntries(
  Object.entries(mappers).map(([service, serviceMappers]) => [
    `apps/${service}-service/src/gen/graphql.ts`,
    {
      schema: `apps/${service}-service/schema.graphql`,
      plugins: ['typescript', 'typescript-resolvers'],
      config: {
        federation: true,
        useTypeImports: true,
        enumsAsConst: true,
        strictScalars: true,
        importExtension: '.ts',
        contextType: '@halles/graphql-server/execution#GraphQLContext',
        useIndexSignature: false,
        scalars: {
          ID: { input: 'string', output: 'string' },
          DateTime: { input: 'never', output: 'Date' },
          _FieldSet: 'string',
        },
        mappers: serviceMappers,
      },
    },
  ]),
)

const storefront = 'apps/storefront/app/'

/**
 * The configuration of GraphQL Code Generator.
 *
 * @param apiSchema the schema that clients of the supergraph see, as SDL
 * @returns resolver types for each service; for the storefront, types of the schema, and of each operation next to it
 */
export const createCodegenConfig = (apiSchema: string): CodegenConfig => ({
  silent: true,
  generates: {
    ...resolverTypes,
    [`${storefront}gen/schema.ts`]: { schema: apiSchema, plugins: ['typescript'], config: clientConfig },
    [storefront]: {
      schema: apiSchema,
      documents: `${storefront}**/*.graphql`,
      preset: 'near-operation-file',
      presetConfig: { baseTypesPath: 'gen/schema.ts', folder: 'gen', extension: '.ts', importTypesNamespace: 'Schema' },
      plugins: ['typescript-operations', 'typed-document-node'],
      config: clientConfig,
    },
  },
})
