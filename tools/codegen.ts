import type { CodegenConfig } from '@graphql-codegen/cli'

/** The type of each entity inside its service. Resolvers of its fields get this type instead of the GraphQL type. */
const mappers = {
  auth: {
    User: '../accounts/user.ts#User as UserModel',
    SecurityEvent: '../security-log/security-event.ts#SecurityEvent as SecurityEventModel',
  },
  product: { Product: '../products/product.ts#Product as ProductModel' },
  order: {
    Order: '../order.ts#Order as OrderModel',
    OrderItem: '../order.ts#Line as LineModel',
    StatusChange: '../order.ts#StatusChange as StatusChangeModel',
  },
  notification: {
    Notification: '../emails/email.ts#Email',
    DeadLetter: '../dead-letters/dead-letter.ts#DeadLetter as DeadLetterModel',
  },
}

const generates: CodegenConfig['generates'] = Object.fromEntries(
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
        contextType: '@halles/graphql-server/graphql-route#GraphQLContext',
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

export default { generates, silent: true } satisfies CodegenConfig
