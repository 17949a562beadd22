import type { Settings } from './config.ts'
import type { Desk } from './desk.ts'
import { passwordFault } from './password.ts'
import { newUser } from './register.ts'
import type { Role } from './user.ts'

type Helpers = Pick<Desk, 'isCommon' | 'log' | 'now'> & {
  users: Pick<Desk['users'], 'has' | 'hasAdmin' | 'add' | 'withEmail'>
  passwords: Pick<Desk['passwords'], 'hash'>
}

/**
 * Makes the accounts that the settings name: the first admin when there is none, the demo customer when it is absent.
 * An account that exists is left as it is, its password too.
 *
 * @throws Error with a sentence when a password is too easy to guess.
 */
export async function makeFirstAccounts(helpers: Helpers, settings: Settings): Promise<void> {
  const { ADMIN_NAME, ADMIN_EMAIL, ADMIN_PASSWORD } = settings
  if (ADMIN_EMAIL && ADMIN_PASSWORD && !(await helpers.users.hasAdmin()))
    await makeAccount(helpers, 'admin', ADMIN_NAME, ADMIN_EMAIL, ADMIN_PASSWORD)
  const { DEMO_CUSTOMER_NAME, DEMO_CUSTOMER_EMAIL, DEMO_CUSTOMER_PASSWORD } = settings
  if (DEMO_CUSTOMER_EMAIL && DEMO_CUSTOMER_PASSWORD && !(await helpers.users.has(DEMO_CUSTOMER_EMAIL)))
    await makeAccount(helpers, 'user', DEMO_CUSTOMER_NAME, DEMO_CUSTOMER_EMAIL, DEMO_CUSTOMER_PASSWORD)
}

async function makeAccount(
  { users, passwords, isCommon, log, now }: Helpers,
  role: Role,
  name: string,
  email: string,
  password: string,
): Promise<void> {
  const fault = await passwordFault(isCommon, password, { name, email })
  if (fault) throw new Error(`The password of the first ${role === 'admin' ? 'admin' : 'customer'} ${fault}.`)
  const user = newUser({ name, email, password }, role, now())
  if (await users.add(user, await passwords.hash(password))) log.info({ userId: user.id, role }, 'first account made')
  // Taken: another instance made it just now. Or a customer has the address, who must not become an admin by that.
  else if ((await users.withEmail(email))?.user.role !== role)
    log.warn({ role }, 'the address of a first account belongs to someone else: it was not made')
}
