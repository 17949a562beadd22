/** The endpoints of order-service. */
export const orderTable = `
endpoint                    via      resource     anonymous        customer         other            admin            deactivated      expired

POST /orders                both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /orders                 both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /orders/statistics      both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /orders/{userId}        both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        empty            UNAUTHENTICATED  UNAUTHENTICATED
GET /orders/{userId}/{id}   both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     wrong owner  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
                            both     nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /orders/{userId}/{id}/events  both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     wrong owner  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
                            both     nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
PUT /orders/{id}/status     both     to cancel    UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     to confirm   UNAUTHENTICATED  FORBIDDEN        NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED

Query.order                 both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Query.orders                both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.orderStatistics       both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Subscription.orderChanged   both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.placeOrder         both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.changeOrderStatus  both     to confirm   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     to cancel    UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.cancelOrder        both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Order                       both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Order.customer              both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
OrderItem.product           both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
StatusChange.changedBy      both     customer’s   UNAUTHENTICATED  empty            NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
User.orders                 both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                            both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                            direct   nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        empty            UNAUTHENTICATED  UNAUTHENTICATED
                            gateway  nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
`
