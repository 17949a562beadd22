/** The endpoints of product-service. */
export const productTable = `
endpoint                            via     resource     anonymous        customer   other      admin      deactivated      expired

GET /products                       both    -            ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    archived     UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
POST /products                      both    -            UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
GET /products/{id}                  both    on sale      ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    archived     NOT_FOUND        NOT_FOUND  NOT_FOUND  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  NOT_FOUND        NOT_FOUND  NOT_FOUND  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
                                    both    included     UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
PUT /products/{id}                  both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
DELETE /products/{id}               both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
POST /products/{id}/stock           both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
GET /products/{id}/stock/movements  both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    archived     UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
POST /products/{id}/restore         both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
PUT /products/{id}/picture          both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
GET /pictures/{file}                both    existing     ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  NOT_FOUND        NOT_FOUND  NOT_FOUND  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
GET /images/{file}                  both    existing     ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  NOT_FOUND        NOT_FOUND  NOT_FOUND  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED

Query.product                       both    on sale      ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    archived     NOT_FOUND        NOT_FOUND  NOT_FOUND  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  NOT_FOUND        NOT_FOUND  NOT_FOUND  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
                                    both    included     UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
Query.products                      both    -            ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    archived     UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
Query.productsByIds                 both    on sale      ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    archived     ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  empty            empty      empty      empty      UNAUTHENTICATED  UNAUTHENTICATED
Query.categories                    both    -            ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
Mutation.createProduct              both    -            UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
Mutation.updateProduct              both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.deleteProduct              both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.adjustStock                both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.restoreProduct             both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    both    nonexistent  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  NOT_FOUND  UNAUTHENTICATED  UNAUTHENTICATED
Product                             direct  on sale      ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    direct  archived     ok               ok         ok         ok         UNAUTHENTICATED  UNAUTHENTICATED
                                    direct  nonexistent  empty            empty      empty      empty      UNAUTHENTICATED  UNAUTHENTICATED
Product.stockMovements              both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
StockMovement.by                    both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
StockMovement.order                 both    on sale      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN  ok         UNAUTHENTICATED  UNAUTHENTICATED
`

/**
 * The gRPC methods of product-service. They authenticate the calling service by the peer secret, and ignore user tokens. Health
 * checks are public.
 */
export const grpcTable = `
endpoint                                                  via     resource     anonymous        customer         other            admin            deactivated      expired

halles.product.v1.ProductService/CheckStock               direct  peer secret  ok               ok               ok               ok               ok               ok
                                                          direct  -            UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
halles.product.v1.ProductService/ReserveStock             direct  peer secret  ok               ok               ok               ok               ok               ok
                                                          direct  -            UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
halles.product.v1.ProductService/ReserveStocks            direct  peer secret  ok               ok               ok               ok               ok               ok
                                                          direct  -            UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
halles.product.v1.ProductService/ReleaseStock             direct  peer secret  ok               ok               ok               ok               ok               ok
                                                          direct  -            UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
grpc.health.v1.Health/Check                               direct  -            ok               ok               ok               ok               ok               ok
grpc.health.v1.Health/List                                direct  -            ok               ok               ok               ok               ok               ok
grpc.health.v1.Health/Watch                               direct  -            ok               ok               ok               ok               ok               ok
grpc.reflection.v1.ServerReflection/ServerReflectionInfo  direct  peer secret  ok               ok               ok               ok               ok               ok
                                                          direct  -            UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
`
