/** The operational routes of every service, on ports that are not public. An invalid token is rejected here too. */
export const operatorTable = `
endpoint           via     resource  anonymous        customer         other            admin            deactivated      expired

GET /healthz       direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /readyz        direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /metrics       direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /openapi.json  direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
`

/** The API documentation of every service. */
export const docsTable = `
endpoint                                 via     resource  anonymous        customer         other            admin            deactivated      expired

GET /docs                                direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/json                           direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/yaml                           direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/static/index.html              direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/static/swagger-initializer.js  direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/static/*                       direct  -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
`

/** The federation fields of every subgraph, which the gateway does not expose. */
export const federationTable = `
endpoint         via      resource  anonymous        customer         other            admin            deactivated      expired

Query._service   direct   -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                 gateway  -         GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
Query._entities  direct   -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                 gateway  -         GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
`
