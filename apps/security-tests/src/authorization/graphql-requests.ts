// The GraphQL request of each field and entity, valid for a caller who is authorized.
import { randomUUID } from 'node:crypto'
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

type OperationWithResult = { query: string; variables?: object } & Shows

const session = '{ accessToken refreshToken user { id } }'

/** The operation of each root field, for the gateway and the service alike. */
export const rootFieldRequests: Record<
  string,
  (context: RequestContext) => OperationWithResult | Promise<OperationWithResult>
> = {
  'Query.me': ({ own }) => ({ query: '{ me { id email } }', shows: own.userId }),
  'Query.user': ({ requested }) => ({
    query: 'query ($id: ID!) { user(id: $id) { id email } }',
    variables: { id: requested.userId },
    shows: requested.email,
  }),
  'Query.users': () => ({ query: '{ users { totalCount nodes { email } } }' }),
  'Query.securityLog': ({ resource, requested }) => ({
    query: 'query ($userId: ID) { securityLog(userId: $userId) { nodes { userId } } }',
    ...(resource !== '-' && { variables: { userId: requested.userId }, shows: requested.userId }),
  }),
  'Mutation.register': () => ({
    query: `mutation ($input: RegisterInput!) { register(input: $input) ${session} }`,
    variables: { input: registrationInput() },
  }),
  'Mutation.login': (context) => ({
    query: `mutation ($input: LoginInput!) { login(input: $input) ${session} }`,
    variables: { input: credentialsOf(context) },
  }),
  'Mutation.refreshSession': async ({ requested }) => ({
    query: `mutation ($token: String!) { refreshSession(refreshToken: $token) ${session} }`,
    variables: { token: await requested.refreshToken() },
  }),
  'Mutation.logout': async ({ requested }) => ({
    query: 'mutation ($token: String!) { logout(refreshToken: $token) }',
    variables: { token: await requested.refreshToken() },
  }),
  'Mutation.changePassword': (context) => ({
    query: 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) }',
    variables: { input: passwordChangeOf(context) },
  }),
  'Mutation.updateProfile': () => ({
    query: 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }',
    variables: { input: { name: 'Noa', locale: 'EN' } },
  }),
  'Mutation.deleteAccount': ({ own }) => ({
    query: 'mutation ($password: String!) { deleteAccount(password: $password) }',
    variables: { password: own.password },
  }),
  'Mutation.requestPasswordReset': ({ requested }) => ({
    query: 'mutation ($email: String!) { requestPasswordReset(email: $email) }',
    variables: { email: requested.email },
  }),
  'Mutation.resetPassword': () => ({
    query: 'mutation ($token: String!, $new: String!) { resetPassword(token: $token, newPassword: $new) }',
    variables: { token: `${randomUUID()}.x`, new: randomPassword() },
  }),
  'Mutation.requestEmailVerification': () => ({ query: 'mutation { requestEmailVerification }' }),
  'Mutation.verifyEmail': () => ({
    query: 'mutation ($token: String!) { verifyEmail(token: $token) }',
    variables: { token: `${randomUUID()}.x` },
  }),
  'Mutation.requestEmailChange': (context) => ({
    query: 'mutation ($email: String!, $password: String!) { requestEmailChange(email: $email, password: $password) }',
    variables: emailChangeOf(context),
  }),
  'Mutation.changeEmail': () => ({
    query: 'mutation ($token: String!) { changeEmail(token: $token) }',
    variables: { token: `${randomUUID()}.x` },
  }),
  'Mutation.endSession': async ({ requested }) => ({
    query: 'mutation ($id: ID!) { endSession(id: $id) }',
    variables: { id: await requested.endableSessionId() },
  }),
  'Mutation.endAllSessions': ({ resource, requested }) => ({
    query: 'mutation ($userId: ID) { endAllSessions(userId: $userId) }',
    variables: resource === '-' ? {} : { userId: requested.userId },
  }),
  'Mutation.setUserRole': ({ resource, requested }) => ({
    query: 'mutation ($id: ID!, $role: Role!) { setUserRole(id: $id, role: $role) { id } }',
    variables: { id: requested.userId, role: resource === 'admin’s' ? 'ADMIN' : 'USER' },
  }),
  'Mutation.setUserActive': ({ requested }) => ({
    query: 'mutation ($id: ID!) { setUserActive(id: $id, active: true) { id } }',
    variables: { id: requested.userId },
  }),

  'Query.product': async (context) => {
    const id = await productIdOf(context)
    const query = 'query ($id: ID!, $all: Boolean) { product(id: $id, includeArchived: $all) { id stock } }'
    return { query, variables: { id, all: context.resource === 'included' }, shows: id }
  },
  'Query.products': ({ resource, fixtures }) => ({
    query: 'query ($filter: ProductFilter) { products(filter: $filter, first: 100) { totalCount nodes { id } } }',
    ...(resource === 'archived' && { variables: { filter: { archived: true } }, shows: fixtures.archived }),
  }),
  'Query.productsByIds': async (context) => ({
    query: 'query ($ids: [ID!]!) { productsByIds(ids: $ids) { name } }',
    variables: { ids: [await productIdOf(context)] },
    shows: '"name"',
  }),
  'Query.categories': () => ({ query: '{ categories { name } }' }),
  'Mutation.createProduct': () => ({
    query: 'mutation ($input: ProductInput!) { createProduct(input: $input) { id } }',
    variables: { input: productInput() },
  }),
  'Mutation.updateProduct': async (context) => ({
    query: 'mutation ($id: ID!, $input: ProductInput!) { updateProduct(id: $id, input: $input) { id } }',
    variables: { id: await productIdOf(context, true), input: productInput() },
  }),
  'Mutation.deleteProduct': async (context) => ({
    query: 'mutation ($id: ID!) { deleteProduct(id: $id) }',
    variables: { id: await productIdOf(context, true) },
  }),
  'Mutation.restoreProduct': async (context) => ({
    query: 'mutation ($id: ID!) { restoreProduct(id: $id) { id } }',
    variables: { id: await productIdOf(context) },
  }),
  'Mutation.adjustStock': async (context) => ({
    query: 'mutation ($id: ID!) { adjustStock(id: $id, delta: 1, reason: "counted") { stock } }',
    variables: { id: await productIdOf(context) },
  }),

  'Query.order': async ({ requested }) => {
    const id = await requested.orderId()
    return { query: 'query ($id: ID!) { order(id: $id) { id total } }', variables: { id }, shows: id }
  },
  'Subscription.orderChanged': async ({ requested }) => {
    const id = await requested.orderId()
    return { query: 'subscription ($id: ID!) { orderChanged(id: $id) { id } }', variables: { id }, shows: id }
  },
  'Query.orders': () => ({ query: '{ orders { totalCount nodes { id } } }' }),
  'Query.orderStatistics': () => ({ query: '{ orderStatistics { at days { turnover } unpublishedEvents } }' }),
  'Mutation.placeOrder': (context) => ({
    query: 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }',
    variables: { input: basketOf(context) },
  }),
  'Mutation.changeOrderStatus': async ({ resource, requested }) => {
    const id = await requested.changeableOrderId()
    return {
      query: 'mutation ($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { id } }',
      variables: { id, status: resource === 'to confirm' ? 'CONFIRMEE' : 'ANNULEE' },
      shows: id,
    }
  },
  'Mutation.cancelOrder': async ({ requested }) => {
    const id = await requested.changeableOrderId()
    return { query: 'mutation ($id: ID!) { cancelOrder(id: $id) { id } }', variables: { id }, shows: id }
  },

  'Query.notifications': async ({ own }) => ({
    query: '{ notifications(first: 100) { nodes { id } } }',
    shows: await own.emailId(),
  }),
  'Query.deadLetters': async ({ fixtures }) => ({
    query: '{ deadLetters(first: 100) { nodes { id } } }',
    shows: await fixtures.deadLetterId(),
  }),
  'Query.deadLetter': async (context) => ({
    query: 'query ($id: ID!) { deadLetter(id: $id) { id value headers { name } } }',
    variables: { id: await deadLetterIdOf(context) },
  }),
  'Mutation.resendNotification': async ({ requested }) => ({
    query: 'mutation ($id: ID!) { resendNotification(id: $id) { id } }',
    variables: { id: await requested.emailId() },
  }),
  'Mutation.redriveDeadLetter': async (context) => ({
    query: 'mutation ($id: ID!) { redriveDeadLetter(id: $id) { id } }',
    variables: { id: await deadLetterIdOf(context) },
  }),

  'Query._service': () => ({ query: '{ _service { sdl } }' }),
  'Query._entities': () => ({ query: '{ _entities(representations: []) { __typename } }' }),
}

type EntityRequest = {
  /** The representation of the entity, and the selection on it. */
  __typename: string
  id: string
  select: string
  /** The operation by which a client of the gateway reaches the entity or field. */
  gateway?: OperationWithResult
} & Shows

/** The `_entities` request of each entity and field by its service, and the operation for the gateway. */
export const entityRequests: Record<string, (context: RequestContext) => EntityRequest | Promise<EntityRequest>> = {
  'auth User': ({ requested }) => ({
    __typename: 'User',
    id: requested.userId,
    select: 'email',
    shows: requested.email,
    gateway: queryUser(requested.userId, 'email'),
  }),
  'auth User.sessions': ({ requested }) => ({
    __typename: 'User',
    id: requested.userId,
    select: 'sessions { nodes { userId } }',
    shows: requested.userId,
    gateway: queryUser(requested.userId, 'sessions { nodes { userId } }'),
  }),
  'product Product': async (context) => ({
    __typename: 'Product',
    id: await productIdOf(context),
    select: 'name',
    shows: '"name"',
  }),
  'product Product.stockMovements': (context) => queryMovements(context, 'totalCount', '"totalCount"'),
  'product StockMovement.by': (context) => queryMovements(context, 'nodes { by { id } }', '"by":{'),
  'product StockMovement.order': (context) => queryMovements(context, 'nodes { order { id } }', '"order"'),
  'order Order': async ({ requested }) => {
    const id = await requested.orderId()
    return { __typename: 'Order', id, select: 'id number', shows: id, gateway: queryOrder(id, 'id number') }
  },
  'order Order.customer': async ({ requested }) => {
    const id = await requested.orderId()
    const gateway = { ...queryOrder(id, 'customer { email }'), shows: requested.email }
    return { __typename: 'Order', id, select: 'customer { id }', shows: requested.userId, gateway }
  },
  'order OrderItem.product': async ({ requested, fixtures }) => {
    const id = await requested.orderId()
    const gateway = { ...queryOrder(id, 'items { product { id stock } }'), shows: '"stock"' }
    return { __typename: 'Order', id, select: 'items { product { id } }', shows: fixtures.product, gateway }
  },
  'order StatusChange.changedBy': async ({ requested }) => {
    const id = await requested.orderId()
    const gateway = { ...queryOrder(id, 'statusHistory { changedBy { email } }'), shows: requested.email }
    const select = 'statusHistory { changedBy { id } }'
    return { __typename: 'Order', id, select, shows: requested.userId, gateway }
  },
  'order User.orders': async ({ requested }) => ({
    __typename: 'User',
    id: requested.userId,
    select: 'orders(first: 100) { nodes { id } }',
    shows: await requested.orderId(),
    gateway: queryUser(requested.userId, 'orders(first: 100) { nodes { id } }'),
  }),
  'notification Notification': async ({ requested }) => {
    const id = await requested.emailId()
    return { __typename: 'Notification', id, select: 'id recipient', shows: id }
  },
  'notification Notification.order': async ({ requested }) => ({
    __typename: 'Notification',
    id: await requested.emailId(),
    select: 'order { id }',
    shows: await requested.orderId(),
    gateway: queryOrder(await requested.orderId(), 'notifications { order { id number } }'),
  }),
  'notification Order.notifications': async ({ requested }) => {
    const id = await requested.orderId()
    const select = 'notifications { id recipient }'
    return { __typename: 'Order', id, select, shows: await requested.emailId(), gateway: queryOrder(id, select) }
  },
}

const queryUser = (id: string, select: string): OperationWithResult => ({
  query: `query ($id: ID!) { user(id: $id) { ${select} } }`,
  variables: { id },
})
/** The stock movements of a product, as an entity and by a query. */
async function queryMovements(context: RequestContext, select: string, shows: string) {
  const id = await productIdOf(context)
  const query = `query ($id: ID!) { product(id: $id) { stockMovements { ${select} } } }`
  return {
    __typename: 'Product',
    id,
    select: `stockMovements { ${select} }`,
    shows,
    gateway: { query, variables: { id } },
  }
}
const queryOrder = (id: string, select: string): OperationWithResult => ({
  query: `query ($id: ID!) { order(id: $id) { ${select} } }`,
  variables: { id },
})
