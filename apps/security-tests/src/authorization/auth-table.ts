/** The endpoints of auth-service. */
export const authTable = `
endpoint                           via      resource     anonymous        customer         other            admin            deactivated      expired

POST /register                     both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /login                        both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /refresh                      both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
POST /logout                       both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /me                            both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
DELETE /me                         both     -            UNAUTHENTICATED  ok               ok               FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
GET /me/data                       both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
PUT /me                            both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
PUT /me/password                   both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
PUT /me/email                      both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /password/forgotten           both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /password/reset               both     nonexistent  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
POST /email/verification           both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
POST /email/verify                 both     nonexistent  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
POST /email/change                 both     nonexistent  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
GET /sessions                      both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        empty            UNAUTHENTICATED  UNAUTHENTICATED
DELETE /sessions                   both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
DELETE /sessions/{id}              both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     admin’s      UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /users                         both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /users/{id}                    both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
PUT /users/{id}/role               both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
PUT /users/{id}/active             both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /security-log                  both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /revocations                   direct   -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   gateway  -            NOT_FOUND        NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /.well-known/jwks.json         both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED

Query.me                           both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.user                         both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Query.users                        both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.securityLog                  both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.register                  both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.login                     both     -            ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.refreshSession            both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.logout                    both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.changePassword            both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.updateProfile             both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.deleteAccount             both     -            UNAUTHENTICATED  ok               ok               FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.requestPasswordReset      both     customer’s   ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  ok               ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.resetPassword             both     nonexistent  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.requestEmailVerification  both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.verifyEmail               both     nonexistent  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.requestEmailChange        both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.changeEmail               both     nonexistent  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  VALIDATION_FAILED  UNAUTHENTICATED  UNAUTHENTICATED
Mutation.endSession                both     customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.endAllSessions            both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Mutation.setUserRole               both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.setUserActive             both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     admin’s      UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        FORBIDDEN        UNAUTHENTICATED  UNAUTHENTICATED
                                   both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
User                               both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   direct   nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        empty            UNAUTHENTICATED  UNAUTHENTICATED
                                   gateway  nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
User.sessions                      both     customer’s   UNAUTHENTICATED  ok               FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                   both     other’s      UNAUTHENTICATED  FORBIDDEN        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
`
