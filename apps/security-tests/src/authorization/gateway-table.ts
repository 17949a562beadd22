/**
 * The routes of the gateway itself. Its port is public, so its operational routes are on the operator port, which ignores user
 * tokens.
 */
export const gatewayTable = `
endpoint                             via       resource  anonymous        customer         other            admin            deactivated      expired

GET /healthz                         direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                     operator  -         ok               ok               ok               ok               ok               ok
GET /readyz                          direct    -         NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
                                     operator  -         ok               ok               ok               ok               ok               ok
GET /metrics                         direct    -         NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
                                     operator  -         ok               ok               ok               ok               ok               ok
GET /openapi.json                    direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /                                direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /developers                      direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /graphiql                        direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /graphiql/{file}                 direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /images/*                        direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /problems                        direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /problems/{type}                 direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/auth                       direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/auth/*                     direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/auth/openapi.json          direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/product                    direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/product/*                  direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/product/openapi.json       direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/order                      direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/order/*                    direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/order/openapi.json         direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/notification               direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/notification/*             direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/notification/openapi.json  direct    -         ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
`
