import { randomUUID } from 'node:crypto'
import type { MatrixFixtures } from '../fixtures/matrix-fixtures.ts'
import { randomPassword } from '../fixtures/users.ts'

/** What the request of a row is built from. */
export type RequestContext = {
  /** The resource column of the row. */
  resource: string
  /** The resources of the user whom the row names; ids that do not exist if it names none. */
  requested: ReturnType<MatrixFixtures['resourcesOf']>
  /** The resources of the caller. */
  own: ReturnType<MatrixFixtures['resourcesOf']>
  fixtures: MatrixFixtures
}

/** `shows`: a text that a successful response must contain; without it the outcome is `empty`. */
export type Shows = { shows?: string }

/**
 * The endpoints that end the session or the account of the caller, or of the user whom the row names, or revoke the caller's token. Where the request is
 * expected to succeed, a new user replaces that one.
 */
export const accountEndingEndpoints = new Set([
  'DELETE /me',
  'DELETE /sessions',
  'PUT /me',
  'PUT /me/password',
  'Mutation.deleteAccount',
  'Mutation.endAllSessions',
  'Mutation.changePassword',
  'Mutation.updateProfile',
])

/**
 * The id of the product that the row names.
 *
 * @param isConsumed whether the request changes the product: it is then a new one
 */
export async function productIdOf({ resource, fixtures }: RequestContext, isConsumed = false): Promise<string> {
  if (resource === 'archived' || resource === 'included') return fixtures.archived
  if (resource !== 'on sale') return randomUUID()
  return isConsumed ? fixtures.createProduct() : fixtures.product
}

export const deadLetterIdOf = async ({ resource, fixtures }: RequestContext): Promise<string> =>
  resource === 'existing' ? fixtures.deadLetterId() : randomUUID()

export const registrationInput = () => ({
  name: 'Noa',
  email: `security-${randomUUID()}@example.test`,
  password: randomPassword(),
})

export const productInput = () => ({ name: 'Brie', price: 4.5, category: 'Essais' })

export const basketOf = ({ fixtures }: RequestContext) => ({ items: [{ productId: fixtures.product, quantity: 1 }] })

/** The customer's credentials. */
export const credentialsOf = ({ fixtures }: RequestContext) => {
  const { email, password } = fixtures.userNamed('customer')!
  return { email, password }
}

/** A change of the caller's address to an unused one, or to that of the user whom the row names. */
export const emailChangeOf = ({ resource, requested, own }: RequestContext) => ({
  email: resource === '-' ? `security-${randomUUID()}@example.test` : requested.email,
  password: own.password,
})

export const passwordChangeOf = ({ own }: RequestContext) => ({
  currentPassword: own.password,
  newPassword: randomPassword(),
})
