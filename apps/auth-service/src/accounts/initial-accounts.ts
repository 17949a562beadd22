import type { Settings } from '../config.ts'
import type { AppDeps } from '../deps.ts'
import { findPasswordFault } from '../passwords/password.ts'
import { createUser, type Role } from './user.ts'

type Deps = Pick<AppDeps, 'isCommonPassword' | 'log' | 'now'> & {
  users: Pick<AppDeps['users'], 'hasEmail' | 'hasAdmin' | 'insert' | 'findByEmail'>
  passwordHasher: Pick<AppDeps['passwordHasher'], 'hash'>
}

/**
 * Creates the accounts that the settings name: the initial admin when there is no admin, the demo customer when the address
 * has no account. An existing account, including its password, is left unchanged.
 *
 * @throws Error with a sentence when a password is too easy to guess.
 */
export async function createInitialAccounts(deps: Deps, settings: Settings): Promise<void> {
  const { ADMIN_NAME, ADMIN_EMAIL, ADMIN_PASSWORD } = settings
  if (ADMIN_EMAIL && ADMIN_PASSWORD && !(await deps.users.hasAdmin()))
    await createAccount(deps, 'admin', ADMIN_NAME, ADMIN_EMAIL, ADMIN_PASSWORD)
  const { DEMO_CUSTOMER_NAME, DEMO_CUSTOMER_EMAIL, DEMO_CUSTOMER_PASSWORD } = settings
  if (DEMO_CUSTOMER_EMAIL && DEMO_CUSTOMER_PASSWORD && !(await deps.users.hasEmail(DEMO_CUSTOMER_EMAIL)))
    await createAccount(deps, 'user', DEMO_CUSTOMER_NAME, DEMO_CUSTOMER_EMAIL, DEMO_CUSTOMER_PASSWORD)
}

async function createAccount(
  { users, passwordHasher, isCommonPassword, log, now }: Deps,
  role: Role,
  name: string,
  email: string,
  password: string,
): Promise<void> {
  const fault = await findPasswordFault(isCommonPassword, password, { name, email })
  if (fault) throw new Error(`The password of the initial ${role === 'admin' ? 'admin' : 'demo customer'} ${fault}.`)
  const user = createUser({ name, email, password }, role, now())
  if (await users.insert(user, await passwordHasher.hash(password)))
    log.info({ userId: user.id, role }, 'initial account created')
  // The address is taken, by another instance that started at the same time, or by a customer, who must not become an
  // admin by that.
  else if ((await users.findByEmail(email))?.user.role !== role)
    log.warn({ role }, 'initial account not created: its address has an account with another role')
}
