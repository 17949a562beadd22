// The REST request of each endpoint, valid for a caller who is authorized.
import { randomUUID } from 'node:crypto'
import type { RestRequest } from '../clients.ts'
import { services } from '../endpoints/endpoints.ts'
import { pictureUpload } from '../fixtures/pictures.ts'
import { randomPassword } from '../fixtures/users.ts'
import {
  basketOf,
  credentialsOf,
  deadLetterIdOf,
  emailChangeOf,
  passwordChangeOf,
  productIdOf,
  productInput,
  registrationInput,
  type RequestContext,
  type Shows,
} from './request-context.ts'

type RequestOptions = Omit<RestRequest, 'path' | 'method'> & { path?: string } & Shows

/** The order that the row names, and whose it is in the path. */
async function orderOf({ resource, requested, fixtures }: RequestContext): Promise<{ userId: string; id: string }> {
  if (resource !== 'wrong owner') return { userId: requested.userId, id: await requested.orderId() }
  const customer = fixtures.resourcesOf(fixtures.userNamed('customer'))
  return { userId: fixtures.userNamed('other')!.id, id: await customer.orderId() }
}

/** Paths for the undeclared routes that have parameters or wildcards. */
export const undeclaredPaths: Record<string, (context: RequestContext) => string | Promise<string>> = {
  'GET /docs/static/*': () => '/docs/static/swagger-ui.css',
  ...Object.fromEntries(
    services.map((service) => [`GET /docs/${service}/*`, () => `/docs/${service}/static/swagger-ui.css`]),
  ),
  'GET /graphiql/{file}': () => '/graphiql/graphiql.css',
  'GET /problems/{type}': () => '/problems/not-found',
  'GET /images/*': async ({ fixtures }) => `/images/${await fixtures.imageFile()}`,
}

/** The request of each declared route. `path` is needed where the route has parameters. */
export const restRequests: Record<string, (context: RequestContext) => RequestOptions | Promise<RequestOptions>> = {
  'POST /register': () => ({ body: registrationInput() }),
  'POST /login': (context) => ({ body: credentialsOf(context) }),
  'POST /refresh': async ({ requested }) => ({ body: { refreshToken: await requested.refreshToken() } }),
  'POST /logout': async ({ requested }) => ({ body: { refreshToken: await requested.refreshToken() } }),
  'GET /me': ({ own }) => ({ shows: own.userId }),
  'DELETE /me': ({ own }) => ({ body: { password: own.password } }),
  'GET /me/data': ({ own }) => ({ shows: own.userId }),
  'PUT /me': () => ({ body: { name: 'Noa', locale: 'en' } }),
  'PUT /me/password': (context) => ({ body: passwordChangeOf(context) }),
  'PUT /me/email': (context) => ({ body: emailChangeOf(context) }),
  'POST /password/forgotten': ({ requested }) => ({ body: { email: requested.email } }),
  'POST /password/reset': () => ({ body: { token: `${randomUUID()}.x`, newPassword: randomPassword() } }),
  'POST /email/verification': () => ({}),
  'POST /email/verify': () => ({ body: { token: `${randomUUID()}.x` } }),
  'POST /email/change': () => ({ body: { token: `${randomUUID()}.x` } }),
  'GET /sessions': ({ resource, requested, own }) =>
    resource === '-'
      ? { shows: own.userId }
      : { path: `/sessions?userId=${requested.userId}`, shows: `"userId":"${requested.userId}` },
  'DELETE /sessions': ({ resource, requested }) =>
    resource === '-' ? {} : { path: `/sessions?userId=${requested.userId}` },
  'DELETE /sessions/{id}': async ({ requested }) => ({ path: `/sessions/${await requested.endableSessionId()}` }),
  'GET /users': () => ({}),
  'GET /users/{id}': ({ requested }) => ({ path: `/users/${requested.userId}`, shows: requested.email }),
  'PUT /users/{id}/role': ({ resource, requested }) => ({
    path: `/users/${requested.userId}/role`,
    body: { role: resource === 'admin’s' ? 'admin' : 'user' },
  }),
  'PUT /users/{id}/active': ({ requested }) => ({ path: `/users/${requested.userId}/active`, body: { active: true } }),
  'GET /security-log': ({ resource, requested }) =>
    resource === '-' ? {} : { path: `/security-log?userId=${requested.userId}`, shows: requested.userId },
  'GET /revocations': () => ({}),
  'GET /.well-known/jwks.json': () => ({ shows: '"kid"' }),

  'GET /products': ({ resource, fixtures }) =>
    resource === 'archived' ? { path: '/products?archived=true&first=100', shows: fixtures.archived } : {},
  'POST /products': () => ({ body: productInput() }),
  'GET /products/{id}': async (context) => ({
    path: `/products/${await productIdOf(context)}${context.resource === 'included' ? '?includeArchived=true' : ''}`,
  }),
  'PUT /products/{id}': async (context) => ({
    path: `/products/${await productIdOf(context, true)}`,
    body: productInput(),
  }),
  'DELETE /products/{id}': async (context) => ({ path: `/products/${await productIdOf(context, true)}` }),
  'POST /products/{id}/stock': async (context) => ({
    path: `/products/${await productIdOf(context)}/stock`,
    body: { delta: 1, reason: 'counted' },
  }),
  'GET /products/{id}/stock/movements': async (context) => ({
    path: `/products/${await productIdOf(context)}/stock/movements`,
    shows: '"opening"',
  }),
  'POST /products/{id}/restore': async (context) => ({ path: `/products/${await productIdOf(context)}/restore` }),
  'PUT /products/{id}/picture': async (context) => ({
    path: `/products/${await productIdOf(context, true)}/picture`,
    ...pictureUpload,
  }),
  'GET /pictures/{file}': async ({ resource, fixtures }) => ({
    path: `/pictures/${resource === 'existing' ? await fixtures.pictureFile() : 'nothing.webp'}`,
  }),
  'GET /images/{file}': async ({ resource, fixtures }) => ({
    path: `/images/${resource === 'existing' ? await fixtures.imageFile() : 'nothing.svg'}`,
  }),

  'POST /orders': (context) => ({ body: basketOf(context) }),
  'GET /orders': () => ({}),
  'GET /orders/statistics': () => ({}),
  'GET /orders/{userId}': async ({ requested }) => ({
    path: `/orders/${requested.userId}?first=100`,
    shows: await requested.orderId(),
  }),
  'GET /orders/{userId}/{id}': async (context) => {
    const { userId, id } = await orderOf(context)
    return { path: `/orders/${userId}/${id}`, shows: id }
  },
  'GET /orders/{userId}/{id}/events': async (context) => {
    const { userId, id } = await orderOf(context)
    return { path: `/orders/${userId}/${id}/events`, shows: id }
  },
  'PUT /orders/{id}/status': async ({ resource, requested }) => {
    const id = await requested.changeableOrderId()
    const status = resource === 'to confirm' ? 'Confirmée' : 'Annulée'
    return { path: `/orders/${id}/status`, body: { status }, shows: id }
  },

  'GET /notifications': async ({ resource, requested, own }) => {
    if (resource === '-') return { path: '/notifications?first=100', shows: await own.emailId() }
    return { path: `/notifications?orderId=${await requested.orderId()}`, shows: await requested.emailId() }
  },
  'POST /notifications/{id}/resend': async ({ requested }) => ({
    path: `/notifications/${await requested.emailId()}/resend`,
  }),
  'GET /dead-letters': async ({ fixtures }) => ({
    path: '/dead-letters?first=100',
    shows: await fixtures.deadLetterId(),
  }),
  'GET /dead-letters/{id}': async (context) => ({ path: `/dead-letters/${await deadLetterIdOf(context)}` }),
  'POST /dead-letters/{id}/redrive': async (context) => ({
    path: `/dead-letters/${await deadLetterIdOf(context)}/redrive`,
  }),
}
