/** The endpoints of notification-service. */
export const notificationTable = `
endpoint                         via      resource     anonymous        customer         other            admin            deactivated      expired

GET /notifications               both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     customer’s   UNAUTHENTICATED  ok               empty            ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     other’s      UNAUTHENTICATED  empty            ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nonexistent  UNAUTHENTICATED  empty            empty            empty            UNAUTHENTICATED  UNAUTHENTICATED
POST /notifications/{id}/resend  both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
GET /dead-letters                both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
GET /dead-letters/{id}           both     existing     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
POST /dead-letters/{id}/redrive  both     existing     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED

Query.notifications              both     -            UNAUTHENTICATED  ok               ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.deadLetters                both     -            UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
Query.deadLetter                 both     existing     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.resendNotification      both     customer’s   UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Mutation.redriveDeadLetter       both     existing     UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 both     nonexistent  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Notification                     direct   customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 direct   other’s      UNAUTHENTICATED  NOT_FOUND        ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 direct   nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
Notification.order               direct   customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
Order.notifications              direct   customer’s   UNAUTHENTICATED  ok               empty            ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 direct   other’s      UNAUTHENTICATED  empty            ok               ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 direct   nonexistent  UNAUTHENTICATED  empty            empty            empty            UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  customer’s   UNAUTHENTICATED  ok               NOT_FOUND        ok               UNAUTHENTICATED  UNAUTHENTICATED
                                 gateway  nonexistent  UNAUTHENTICATED  NOT_FOUND        NOT_FOUND        NOT_FOUND        UNAUTHENTICATED  UNAUTHENTICATED
`
