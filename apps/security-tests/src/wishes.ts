// How each door is asked, as someone would who may.
import { randomUUID } from 'node:crypto'
import {
  CheckStockRequest,
  ReleaseStockRequest,
  ReserveStockRequest,
  ReserveStocksRequest,
} from '@halles/contracts/product-grpc'
import type { Request } from './ask.ts'
import { services } from './doors.ts'
import { newPassword } from './people.ts'
import type { Cast } from './things.ts'

export type Given = {
  /** As in the table. */
  whose: string
  /** Things of whom they belong to, or of nobody. */
  its: ReturnType<Cast['thingsOf']>
  /** Things of the one who asks. */
  mine: ReturnType<Cast['thingsOf']>
  cast: Cast
}
/** `shows`, if told, must be in the answer: without it the answer is `nothing`. */
type Shows = { shows?: string }
type RestWish = Omit<Request, 'path' | 'method'> & { path?: string } & Shows
type GraphqlWish = { query: string; variables?: object } & Shows
type GrpcWish = { message: Uint8Array; stream?: boolean }

const ofProduct = async ({ whose, cast }: Given, fresh = false): Promise<string> => {
  if (whose === 'archived') return cast.archived
  if (whose !== 'on sale') return randomUUID()
  return fresh ? cast.newProduct() : cast.product
}
const deadLetter = async ({ whose, cast }: Given): Promise<string> =>
  whose === 'parked' ? cast.deadLetter() : randomUUID()
const newcomer = () => ({ name: 'Noa', email: `doors-${randomUUID()}@example.test`, password: newPassword() })
const product = () => ({ name: 'Brie', price: 4.5, category: 'Essais' })
const basket = ({ cast }: Given) => ({ items: [{ productId: cast.product, quantity: 1 }] })
const credentials = ({ cast }: Given) => {
  const { email, password } = cast.personOf('customer')!
  return { email, password }
}
/** An address that is free, or that of whom it names. */
const anotherAddress = ({ whose, its, mine }: Given) => ({
  email: whose === '-' ? `doors-${randomUUID()}@example.test` : its.email,
  password: mine.password,
})
const passwords = ({ mine }: Given) => ({ currentPassword: mine.password, newPassword: newPassword() })

/** The paths of hidden routes that have more than one. */
export const hiddenWishes: Record<string, (given: Given) => string | Promise<string>> = {
  'GET /docs/static/*': () => '/docs/static/swagger-ui.css',
  ...Object.fromEntries(
    services.map((service) => [`GET /docs/${service}/*`, () => `/docs/${service}/static/swagger-ui.css`]),
  ),
  'GET /graphiql/{file}': () => '/graphiql/graphiql.css',
  'GET /images/*': async ({ cast }) => `/images/${await cast.picture()}`,
}

/** A route's parts in braces are filled by `path`, or the whole path is said. */
export const restWishes: Record<string, (given: Given) => RestWish | Promise<RestWish>> = {
  'POST /register': () => ({ body: newcomer() }),
  'POST /login': (given) => ({ body: credentials(given) }),
  'POST /refresh': async ({ its }) => ({ body: { refreshToken: await its.refreshToken() } }),
  'POST /logout': async ({ its }) => ({ body: { refreshToken: await its.refreshToken() } }),
  'GET /me': ({ mine }) => ({ shows: mine.userId }),
  'DELETE /me': ({ mine }) => ({ body: { password: mine.password } }),
  'GET /me/data': ({ mine }) => ({ shows: mine.userId }),
  'PUT /me/password': (given) => ({ body: passwords(given) }),
  'PUT /me/email': (given) => ({ body: anotherAddress(given) }),
  'POST /password/forgotten': ({ its }) => ({ body: { email: its.email } }),
  'POST /password/reset': () => ({ body: { token: `${randomUUID()}.x`, newPassword: newPassword() } }),
  'POST /email/verification': () => ({}),
  'POST /email/verify': () => ({ body: { token: `${randomUUID()}.x` } }),
  'POST /email/change': () => ({ body: { token: `${randomUUID()}.x` } }),
  'GET /sessions': ({ whose, its, mine }) =>
    whose === '-'
      ? { shows: mine.userId }
      : { path: `/sessions?userId=${its.userId}`, shows: `"userId":"${its.userId}` },
  'DELETE /sessions': ({ whose, its }) => (whose === '-' ? {} : { path: `/sessions?userId=${its.userId}` }),
  'DELETE /sessions/{id}': async ({ its }) => ({ path: `/sessions/${await its.sessionToEnd()}` }),
  'GET /users': () => ({}),
  'GET /users/{id}': ({ its }) => ({ path: `/users/${its.userId}`, shows: its.email }),
  'PUT /users/{id}/role': ({ whose, its }) => ({
    path: `/users/${its.userId}/role`,
    body: { role: whose === 'admin’s' ? 'admin' : 'user' },
  }),
  'PUT /users/{id}/active': ({ its }) => ({ path: `/users/${its.userId}/active`, body: { active: true } }),
  'GET /security-log': ({ whose, its }) =>
    whose === '-' ? {} : { path: `/security-log?userId=${its.userId}`, shows: its.userId },
  'GET /revocations': () => ({}),
  'GET /.well-known/jwks.json': () => ({ shows: '"kid"' }),

  'GET /products': () => ({}),
  'POST /products': () => ({ body: product() }),
  'GET /products/{id}': async (given) => ({ path: `/products/${await ofProduct(given)}` }),
  'PUT /products/{id}': async (given) => ({ path: `/products/${await ofProduct(given, true)}`, body: product() }),
  'DELETE /products/{id}': async (given) => ({ path: `/products/${await ofProduct(given, true)}` }),
  'POST /products/{id}/stock': async (given) => ({
    path: `/products/${await ofProduct(given)}/stock`,
    body: { delta: 1, reason: 'counted' },
  }),
  'GET /images/{file}': async ({ whose, cast }) => ({
    path: `/images/${whose === 'on sale' ? await cast.picture() : 'nothing.svg'}`,
  }),

  'POST /orders': (given) => ({ body: basket(given) }),
  'GET /orders': () => ({}),
  'GET /orders/{userId}': async ({ its }) => ({ path: `/orders/${its.userId}?first=100`, shows: await its.order() }),
  'GET /orders/{userId}/{id}': async ({ whose, its, cast }) => {
    const id = await (whose === 'misnamed' ? cast.thingsOf(cast.personOf('customer')) : its).order()
    const userId = whose === 'misnamed' ? cast.personOf('other')!.id : its.userId
    return { path: `/orders/${userId}/${id}`, shows: id }
  },
  'PUT /orders/{id}/status': async ({ whose, its }) => {
    const id = await its.orderToChange()
    const status = whose === 'to confirm' ? 'Confirmée' : 'Annulée'
    return { path: `/orders/${id}/status`, body: { status }, shows: id }
  },

  'GET /notifications': async ({ whose, its, mine }) => {
    if (whose === '-') return { path: '/notifications?first=100', shows: await mine.letter() }
    return { path: `/notifications?orderId=${await its.order()}`, shows: await its.letter() }
  },
  'POST /notifications/{id}/resend': async ({ its }) => ({ path: `/notifications/${await its.letter()}/resend` }),
  'GET /dead-letters': async ({ cast }) => ({ path: '/dead-letters?first=100', shows: await cast.deadLetter() }),
  'GET /dead-letters/{id}': async (given) => ({ path: `/dead-letters/${await deadLetter(given)}` }),
  'POST /dead-letters/{id}/redrive': async (given) => ({ path: `/dead-letters/${await deadLetter(given)}/redrive` }),
}

const session = '{ accessToken refreshToken user { id } }'

/** Root fields, asked alike of the gateway and of the service. */
export const rootWishes: Record<string, (given: Given) => GraphqlWish | Promise<GraphqlWish>> = {
  'Query.me': ({ mine }) => ({ query: '{ me { id email } }', shows: mine.userId }),
  'Query.user': ({ its }) => ({
    query: 'query ($id: ID!) { user(id: $id) { id email } }',
    variables: { id: its.userId },
    shows: its.email,
  }),
  'Query.users': () => ({ query: '{ users { totalCount nodes { email } } }' }),
  'Query.securityLog': ({ whose, its }) => ({
    query: 'query ($userId: ID) { securityLog(userId: $userId) { nodes { userId } } }',
    ...(whose !== '-' && { variables: { userId: its.userId }, shows: its.userId }),
  }),
  'Mutation.register': () => ({
    query: `mutation ($input: RegisterInput!) { register(input: $input) ${session} }`,
    variables: { input: newcomer() },
  }),
  'Mutation.login': (given) => ({
    query: `mutation ($input: LoginInput!) { login(input: $input) ${session} }`,
    variables: { input: credentials(given) },
  }),
  'Mutation.refreshSession': async ({ its }) => ({
    query: `mutation ($token: String!) { refreshSession(refreshToken: $token) ${session} }`,
    variables: { token: await its.refreshToken() },
  }),
  'Mutation.logout': async ({ its }) => ({
    query: 'mutation ($token: String!) { logout(refreshToken: $token) }',
    variables: { token: await its.refreshToken() },
  }),
  'Mutation.changePassword': (given) => ({
    query: 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) }',
    variables: { input: passwords(given) },
  }),
  'Mutation.deleteAccount': ({ mine }) => ({
    query: 'mutation ($password: String!) { deleteAccount(password: $password) }',
    variables: { password: mine.password },
  }),
  'Mutation.requestPasswordReset': ({ its }) => ({
    query: 'mutation ($email: String!) { requestPasswordReset(email: $email) }',
    variables: { email: its.email },
  }),
  'Mutation.resetPassword': () => ({
    query: 'mutation ($token: String!, $new: String!) { resetPassword(token: $token, newPassword: $new) }',
    variables: { token: `${randomUUID()}.x`, new: newPassword() },
  }),
  'Mutation.requestEmailVerification': () => ({ query: 'mutation { requestEmailVerification }' }),
  'Mutation.verifyEmail': () => ({
    query: 'mutation ($token: String!) { verifyEmail(token: $token) }',
    variables: { token: `${randomUUID()}.x` },
  }),
  'Mutation.requestEmailChange': (given) => ({
    query: 'mutation ($email: String!, $password: String!) { requestEmailChange(email: $email, password: $password) }',
    variables: anotherAddress(given),
  }),
  'Mutation.changeEmail': () => ({
    query: 'mutation ($token: String!) { changeEmail(token: $token) }',
    variables: { token: `${randomUUID()}.x` },
  }),
  'Mutation.endSession': async ({ its }) => ({
    query: 'mutation ($id: ID!) { endSession(id: $id) }',
    variables: { id: await its.sessionToEnd() },
  }),
  'Mutation.endAllSessions': ({ whose, its }) => ({
    query: 'mutation ($userId: ID) { endAllSessions(userId: $userId) }',
    variables: whose === '-' ? {} : { userId: its.userId },
  }),
  'Mutation.setUserRole': ({ whose, its }) => ({
    query: 'mutation ($id: ID!, $role: Role!) { setUserRole(id: $id, role: $role) { id } }',
    variables: { id: its.userId, role: whose === 'admin’s' ? 'ADMIN' : 'USER' },
  }),
  'Mutation.setUserActive': ({ its }) => ({
    query: 'mutation ($id: ID!) { setUserActive(id: $id, active: true) { id } }',
    variables: { id: its.userId },
  }),

  'Query.product': async (given) => {
    const id = await ofProduct(given)
    return { query: 'query ($id: ID!) { product(id: $id) { id stock } }', variables: { id }, shows: id }
  },
  'Query.products': () => ({ query: '{ products { totalCount nodes { id } } }' }),
  'Query.categories': () => ({ query: '{ categories { name } }' }),
  'Mutation.createProduct': () => ({
    query: 'mutation ($input: ProductInput!) { createProduct(input: $input) { id } }',
    variables: { input: product() },
  }),
  'Mutation.updateProduct': async (given) => ({
    query: 'mutation ($id: ID!, $input: ProductInput!) { updateProduct(id: $id, input: $input) { id } }',
    variables: { id: await ofProduct(given, true), input: product() },
  }),
  'Mutation.deleteProduct': async (given) => ({
    query: 'mutation ($id: ID!) { deleteProduct(id: $id) }',
    variables: { id: await ofProduct(given, true) },
  }),
  'Mutation.adjustStock': async (given) => ({
    query: 'mutation ($id: ID!) { adjustStock(id: $id, delta: 1, reason: "counted") { stock } }',
    variables: { id: await ofProduct(given) },
  }),

  'Query.order': async ({ its }) => {
    const id = await its.order()
    return { query: 'query ($id: ID!) { order(id: $id) { id total } }', variables: { id }, shows: id }
  },
  'Query.orders': () => ({ query: '{ orders { totalCount nodes { id } } }' }),
  'Mutation.placeOrder': (given) => ({
    query: 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }',
    variables: { input: basket(given) },
  }),
  'Mutation.changeOrderStatus': async ({ whose, its }) => {
    const id = await its.orderToChange()
    return {
      query: 'mutation ($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { id } }',
      variables: { id, status: whose === 'to confirm' ? 'CONFIRMEE' : 'ANNULEE' },
      shows: id,
    }
  },
  'Mutation.cancelOrder': async ({ its }) => {
    const id = await its.orderToChange()
    return { query: 'mutation ($id: ID!) { cancelOrder(id: $id) { id } }', variables: { id }, shows: id }
  },

  'Query.notifications': async ({ mine }) => ({
    query: '{ notifications(first: 100) { nodes { id } } }',
    shows: await mine.letter(),
  }),
  'Query.deadLetters': async ({ cast }) => ({
    query: '{ deadLetters(first: 100) { nodes { id } } }',
    shows: await cast.deadLetter(),
  }),
  'Query.deadLetter': async (given) => ({
    query: 'query ($id: ID!) { deadLetter(id: $id) { id value headers { name } } }',
    variables: { id: await deadLetter(given) },
  }),
  'Mutation.resendNotification': async ({ its }) => ({
    query: 'mutation ($id: ID!) { resendNotification(id: $id) { id } }',
    variables: { id: await its.letter() },
  }),
  'Mutation.redriveDeadLetter': async (given) => ({
    query: 'mutation ($id: ID!) { redriveDeadLetter(id: $id) { id } }',
    variables: { id: await deadLetter(given) },
  }),

  'Query._service': () => ({ query: '{ _service { sdl } }' }),
  'Query._entities': () => ({ query: '{ _entities(representations: []) { __typename } }' }),
}

type EntityWish = {
  /** The key that a subgraph is asked by, and what of it. */
  __typename: string
  id: string
  select: string
  /** By which way a client comes there. */
  gateway?: GraphqlWish
} & Shows

/** Entities and what leads from them, asked of a service as the gateway does, and of the gateway as a client does. */
export const entityWishes: Record<string, (given: Given) => EntityWish | Promise<EntityWish>> = {
  'auth User': ({ its }) => ({
    __typename: 'User',
    id: its.userId,
    select: 'email',
    shows: its.email,
    gateway: ofUser(its.userId, 'email'),
  }),
  'auth User.sessions': ({ its }) => ({
    __typename: 'User',
    id: its.userId,
    select: 'sessions { nodes { userId } }',
    shows: its.userId,
    gateway: ofUser(its.userId, 'sessions { nodes { userId } }'),
  }),
  'product Product': async (given) => ({
    __typename: 'Product',
    id: await ofProduct(given),
    select: 'name',
    shows: '"name"',
  }),
  'order Order': async ({ its }) => {
    const id = await its.order()
    return { __typename: 'Order', id, select: 'id number', shows: id, gateway: ofOrder(id, 'id number') }
  },
  'order Order.customer': async ({ its }) => {
    const id = await its.order()
    const gateway = { ...ofOrder(id, 'customer { email }'), shows: its.email }
    return { __typename: 'Order', id, select: 'customer { id }', shows: its.userId, gateway }
  },
  'order OrderItem.product': async ({ its, cast }) => {
    const id = await its.order()
    const gateway = { ...ofOrder(id, 'items { product { id stock } }'), shows: '"stock"' }
    return { __typename: 'Order', id, select: 'items { product { id } }', shows: cast.product, gateway }
  },
  'order User.orders': async ({ its }) => ({
    __typename: 'User',
    id: its.userId,
    select: 'orders(first: 100) { nodes { id } }',
    shows: await its.order(),
    gateway: ofUser(its.userId, 'orders(first: 100) { nodes { id } }'),
  }),
  'notification Notification': async ({ its }) => {
    const id = await its.letter()
    return { __typename: 'Notification', id, select: 'id recipient', shows: id }
  },
  'notification Notification.order': async ({ its }) => ({
    __typename: 'Notification',
    id: await its.letter(),
    select: 'order { id }',
    shows: await its.order(),
    gateway: ofOrder(await its.order(), 'notifications { order { id number } }'),
  }),
  'notification Order.notifications': async ({ its }) => {
    const id = await its.order()
    const select = 'notifications { id recipient }'
    return { __typename: 'Order', id, select, shows: await its.letter(), gateway: ofOrder(id, select) }
  },
}

const ofUser = (id: string, select: string): GraphqlWish => ({
  query: `query ($id: ID!) { user(id: $id) { ${select} } }`,
  variables: { id },
})
const ofOrder = (id: string, select: string): GraphqlWish => ({
  query: `query ($id: ID!) { order(id: $id) { ${select} } }`,
  variables: { id },
})

const oneLine = (productId: string) => ({ orderId: `doors-${randomUUID()}`, items: [{ productId, quantity: 1 }] })

export const grpcWishes: Record<string, (given: Given) => GrpcWish> = {
  'halles.product.v1.ProductService/CheckStock': ({ cast }) => ({
    message: CheckStockRequest.encode({ items: [{ productId: cast.product, quantity: 1 }] }).finish(),
  }),
  'halles.product.v1.ProductService/ReserveStock': ({ cast }) => ({
    message: ReserveStockRequest.encode(oneLine(cast.product)).finish(),
  }),
  'halles.product.v1.ProductService/ReserveStocks': ({ cast }) => ({
    message: ReserveStocksRequest.encode({ orders: [oneLine(cast.product)] }).finish(),
  }),
  'halles.product.v1.ProductService/ReleaseStock': () => ({
    message: ReleaseStockRequest.encode({ orderId: `doors-${randomUUID()}` }).finish(),
  }),
  'grpc.health.v1.Health/Check': () => ({ message: new Uint8Array() }),
  'grpc.health.v1.Health/List': () => ({ message: new Uint8Array() }),
  'grpc.health.v1.Health/Watch': () => ({ message: new Uint8Array(), stream: true }),
  // list_services: field 7, an empty string
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo': () => ({
    message: Uint8Array.of(0x3a, 0x00),
    stream: true,
  }),
}

/** What ends the caller, or the one whose thing it is: where it is let, someone new stands in for them. */
export const endsPeople = new Set([
  'DELETE /me',
  'DELETE /sessions',
  'PUT /me/password',
  'Mutation.deleteAccount',
  'Mutation.endAllSessions',
  'Mutation.changePassword',
])
