// Who may do what at every door: the reviewed table. A change here is a change of what the shop lets people do.
import { isCode, type Code } from '@halles/service/refusal'
import { services, type At, type Door, type Keeper } from './doors.ts'

export const callers = ['anonymous', 'customer', 'other', 'admin', 'deactivated', 'expired'] as const
/**
 * Who asks: no one; a customer; another customer; an admin; a customer whose account was closed a moment ago, by a token
 * that has not ended; the customer by a token that has.
 */
export type Caller = (typeof callers)[number]

/** `ok`: done or shown. `nothing`: answered, with nothing of the thing in it. Else the code of a refusal. */
export type Outcome = 'ok' | 'nothing' | Code

export type Row = {
  keeper: Keeper
  door: string
  /** At which of its doors: the service’s `own`, the `gateway`’s, `both`, which agree, or the one for `operator`s. */
  at: At | 'both'
  /**
   * Whose thing is asked for, `-` when none is named. `nobody’s` is an id that no one has, `misnamed` the customer’s order
   * as if it were the other’s; what is `to cancel` and `to confirm` is the customer’s.
   */
  whose: string
  expected: Record<Caller, Outcome>
}

const auth = `
door                             at       whose        anonymous        customer         other            admin            deactivated      expired

POST /register                   both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /login                      both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /refresh                    both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
POST /logout                     both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /me                          both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
DELETE /me                       both     -            UNAUTHENTICATED  ok               ok               FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
GET /me/data                     both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
PUT /me/password                 both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
PUT /me/email                    both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /password/forgotten         both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /password/reset             both     nobody’s     VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
POST /email/verification         both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /email/verify               both     nobody’s     VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
POST /email/change               both     nobody’s     VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
GET /sessions                    both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        nothing          UNAUTHENTICATED  UNAUTHENTICATED
DELETE /sessions                 both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
DELETE /sessions/{id}            both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     admin’s      UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /users                       both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /users/{id}                  both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
PUT /users/{id}/role             both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
PUT /users/{id}/active           both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /security-log                both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /revocations                 own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  -            NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /.well-known/jwks.json       both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED

Query.me                         both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.user                       both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Query.users                      both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.securityLog                both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.register                both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.login                   both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.refreshSession          both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.logout                  both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.changePassword          both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.deleteAccount           both     -            UNAUTHENTICATED  ok               ok               FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.requestPasswordReset    both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.resetPassword           both     nobody’s     VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.requestEmailVerification  both  -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.verifyEmail             both     nobody’s     VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.requestEmailChange      both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.changeEmail             both     nobody’s     VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.endSession              both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.endAllSessions          both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.setUserRole             both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.setUserActive           both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
User                             both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 own      nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        nothing          UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
User.sessions                    both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
`

const product = `
door                             at       whose        anonymous        customer         other            admin            deactivated      expired

GET /products                    both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /products                   both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /products/{id}               both     on sale      ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     archived     NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
PUT /products/{id}               both     on sale      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
DELETE /products/{id}            both     on sale      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
POST /products/{id}/stock        both     on sale      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /images/{file}               both     on sale      ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED

Query.product                    both     on sale      ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     archived     NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Query.products                   both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.categories                 both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.createProduct           both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.updateProduct           both     on sale      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.deleteProduct           both     on sale      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.adjustStock             both     on sale      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Product                          own      on sale      ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 own      archived     ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 own      nobody’s     nothing          nothing          nothing          nothing          UNAUTHENTICATED  UNAUTHENTICATED
`

const order = `
door                             at       whose        anonymous        customer         other            admin            deactivated      expired

POST /orders                     both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /orders                      both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /orders/{userId}             both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        nothing          UNAUTHENTICATED  UNAUTHENTICATED
GET /orders/{userId}/{id}        both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     misnamed     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
PUT /orders/{id}/status          both     to cancel    UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     to confirm   UNAUTHENTICATED  FORBIDDEN        NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED

Query.order                      both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Query.orders                     both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.placeOrder              both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.changeOrderStatus       both     to confirm   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     to cancel    UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.cancelOrder             both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Order                            both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Order.customer                   both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
OrderItem.product                both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
User.orders                      both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 own      nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        nothing          UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
`

const notification = `
door                             at       whose        anonymous        customer         other            admin            deactivated      expired

GET /notifications               both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     customer’s   UNAUTHENTICATED  ok               nothing          ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  nothing          ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  nothing          nothing          nothing          UNAUTHENTICATED  UNAUTHENTICATED
POST /notifications/{id}/resend  both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /dead-letters                both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /dead-letters/{id}           both     parked       UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
POST /dead-letters/{id}/redrive  both     parked       UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED

Query.notifications              both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.deadLetters                both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.deadLetter                 both     parked       UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.resendNotification      both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.redriveDeadLetter       both     parked       UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nobody’s     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Notification                     own      customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 own      other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 own      nobody’s     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Notification.order               own      customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
Order.notifications              own      customer’s   UNAUTHENTICATED  ok               nothing          ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 own      other’s      UNAUTHENTICATED  nothing          ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 own      nobody’s     UNAUTHENTICATED  nothing          nothing          nothing          UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  nobody’s     UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
`

/** For operators, at ports that the world does not reach. A token that is no good is refused here too. */
const operator = `
door                             at       whose        anonymous        customer         other            admin            deactivated      expired

GET /healthz                     own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /readyz                      own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /metrics                     own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /openapi.json                own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
`

const pages = `
door                                      at       whose        anonymous        customer         other            admin            deactivated      expired

GET /docs                                 own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/json                            own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/yaml                            own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/static/index.html               own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/static/swagger-initializer.js   own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/static/*                        own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
`

/** What every subgraph has for the gateway, and the gateway for no one. */
const federation = `
door                             at       whose        anonymous        customer         other            admin            deactivated      expired

Query._service                   own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  -            GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
Query._entities                  own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  -            GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  GRAPHQL_VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
`

/** The world reaches the gateway, so what is for operators alone has another port there, which knows no people. */
const gateway = `
door                                      at       whose        anonymous        customer         other            admin            deactivated      expired

GET /healthz                              own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                          operator  -            ok               ok               ok               ok               ok               ok
GET /readyz                               own      -            NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
                                          operator  -            ok               ok               ok               ok               ok               ok
GET /metrics                              own      -            NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
                                          operator  -            ok               ok               ok               ok               ok               ok
GET /openapi.json                         own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /                                     own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /graphiql                             own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /graphiql/{file}                      own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /images/*                             own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/auth                            own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/auth/*                          own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/auth/openapi.json               own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/product                         own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/product/*                       own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/product/openapi.json            own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/order                           own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/order/*                         own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/order/openapi.json              own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/notification                    own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/notification/*                  own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /docs/notification/openapi.json       own      -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
`

/**
 * gRPC is for peers, who prove themselves by the secret that they share (`peer’s`); a customer's token says nothing there.
 * Health is for whoever reaches the port.
 */
const grpc = `
door                                                      at   whose   anonymous        customer         other            admin            deactivated      expired

halles.product.v1.ProductService/CheckStock               own  peer’s  ok               ok               ok               ok               ok               ok
                                                          own  -       UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
halles.product.v1.ProductService/ReserveStock             own  peer’s  ok               ok               ok               ok               ok               ok
                                                          own  -       UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
halles.product.v1.ProductService/ReserveStocks            own  peer’s  ok               ok               ok               ok               ok               ok
                                                          own  -       UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
halles.product.v1.ProductService/ReleaseStock             own  peer’s  ok               ok               ok               ok               ok               ok
                                                          own  -       UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
grpc.health.v1.Health/Check                               own  -       ok               ok               ok               ok               ok               ok
grpc.health.v1.Health/List                                own  -       ok               ok               ok               ok               ok               ok
grpc.health.v1.Health/Watch                               own  -       ok               ok               ok               ok               ok               ok
grpc.reflection.v1.ServerReflection/ServerReflectionInfo  own  peer’s  ok               ok               ok               ok               ok               ok
                                                          own  -       UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
`

/** The rows of doors that are declared. */
export const declaredTable: readonly Row[] = [
  ...rowsOf('auth', auth),
  ...rowsOf('product', product),
  ...rowsOf('order', order),
  ...rowsOf('notification', notification),
  ...rowsOf('product', grpc),
  ...services.flatMap((service) => rowsOf(service, federation)),
]

/** The whole table, a row a door and thing. */
export const table: readonly Row[] = [
  ...declaredTable,
  ...services.flatMap((service) => rowsOf(service, operator + pages)),
  ...rowsOf('gateway', gateway),
]

function rowsOf(keeper: Keeper, text: string): Row[] {
  let door = ''
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('door '))
    .map((line) => {
      const cells = line.trim().split(/\s{2,}/)
      if (cells.length === 3 + callers.length) door = cells.shift()!
      const [at = '', whose = '', ...outcomes] = cells
      const wrong = outcomes.find((one) => one !== 'ok' && one !== 'nothing' && !isCode(one))
      if (wrong !== undefined || outcomes.length !== callers.length || !/^(own|gateway|both|operator)$/.test(at))
        throw new Error(`not a row of the table: ${line}`)
      const expected = Object.fromEntries(callers.map((caller, i) => [caller, outcomes[i]])) as Row['expected']
      return { keeper, door, at: at as Row['at'], whose, expected }
    })
}

/** What the table leaves out of the doors that there are, and what it tells of that is none: a sentence each. */
export function gapsIn(rows: readonly Row[], doors: readonly Door[]): string[] {
  const nameOf = ({ keeper, name }: Door): string => `${keeper} ${name}`
  const told = Map.groupBy(rows, ({ keeper, door }) => `${keeper} ${door}`)
  const there = new Set(doors.map(nameOf))
  return [
    ...doors.flatMap((door) => {
      const places = new Set(told.get(nameOf(door))?.flatMap(({ at }) => (at === 'both' ? ['own', 'gateway'] : [at])))
      const needed = door.at ?? (door.kind === 'rest' || door.kind === 'root' ? ['own', 'gateway'] : ['own'])
      return needed
        .filter((place) => !places.has(place))
        .map((place) => `${nameOf(door)} (${place}) is not in the table: say there who may use it`)
    }),
    ...[...told.keys()].filter((name) => !there.has(name)).map((name) => `${name} is in the table, and no door`),
  ]
}
