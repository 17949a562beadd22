import { setTimeout as pause } from 'node:timers/promises'
import type { EmailLink, MailServer } from '../faults/mail-server.ts'
import type { AccountAction } from '../run-log.ts'
import { pauseIfRefused, THINK_TIME, type Actor } from './actor.ts'
import { toSession, type Outcome, type Session } from './shop-client.ts'

export type Mailbox = Pick<MailServer, 'mailboxOf'>

/**
 * An account of the load. After an unknown outcome it may have the former or the new address and password, so all that it
 * may have are kept, the latest first.
 */
export type OwnedAccount = {
  name: string
  addresses: string[]
  passwords: string[]
  session: Session
  /** How many links of each page were requested and not used. Only a single one is certainly the newest. */
  requestedLinks: Map<string, number>
  usedTokens: Set<string>
  isVerified: boolean
  /** A request to delete the account was accepted, or may have been. */
  mayBeDeleted: boolean
}

/** How long an owner waits for an e-mail, in milliseconds; then they do something else. */
const EMAIL_TIMEOUT = 15_000
const EMAIL_POLL_INTERVAL = 100
/** How often an owner repeats a registration with an unknown outcome. */
const REGISTRATION_ATTEMPTS = 5

const pages = { verify: '/email/verify', reset: '/password/reset', change: '/email/change' }

/**
 * Simulates people who register, verify their address, change and reset their password, change their address by the links
 * of the e-mails that they get, and delete their account: one account after another, until the load ends.
 *
 * @param accounts receives each account that was registered
 */
export async function simulateAccountOwner(
  actor: Actor,
  mailbox: Mailbox,
  name: string,
  accounts: OwnedAccount[],
): Promise<void> {
  const { random, isOver } = actor
  for (let i = 0; !isOver(); i++) {
    await pause(random.between(...THINK_TIME))
    const account = await registerAccount(actor, `${name}, account ${i}`)
    if (account === undefined) continue
    accounts.push(account)
    const owner = createOwner(actor, mailbox, account)
    // After an unknown outcome the account may change at any later time, so its owner leaves it.
    let isCertain = true
    for (let steps = random.between(2, 5); steps > 0 && isCertain && !isOver(); steps--) {
      await pause(random.between(...THINK_TIME))
      isCertain = await owner[random.weighted({ verify: 30, change: 25, reset: 25, password: 15, mistype: 5 })]()
    }
    if (isCertain && random.chance(0.6) && !isOver()) await owner.delete()
  }
}

/** Registers an account; undefined when the outcome stays unknown. */
async function registerAccount(actor: Actor, name: string): Promise<OwnedAccount | undefined> {
  const { client, runLog, random, isOver } = actor
  const [email, password] = [`${random.id()}@example.test`, `${random.id()} chaos`]
  for (let attempt = 0; attempt < REGISTRATION_ATTEMPTS && !isOver(); attempt++) {
    const outcome = await record(actor, name, 'register', email, () => client.register(name, { email, password }))
    const isRepeated = outcome.kind === 'rejected' && outcome.code === 'EMAIL_TAKEN' && attempt > 0
    const session = isRepeated ? await client.signIn({ email, password }) : outcome
    if (session.kind !== 'success') continue
    const { user } = session.value
    runLog.userIds.set(name, user.id)
    return {
      name,
      addresses: [email],
      passwords: [password],
      session: toSession(session.value),
      requestedLinks: new Map([[pages.verify, 1]]),
      usedTokens: new Set(),
      isVerified: false,
      mayBeDeleted: false,
    }
  }
  return undefined
}

/** What the owner of an account does. Each function resolves with whether the outcome is certain. */
function createOwner(actor: Actor, mailbox: Mailbox, account: OwnedAccount) {
  const { client, random, runLog, isOver } = actor
  const send = (action: AccountAction, recipient: string | undefined, request: () => Promise<Outcome<unknown>>) =>
    record(actor, account.name, action, recipient, request)
  const currentAddress = (): string => account.addresses[0]!
  const currentPassword = (): string => account.passwords[0]!
  const createPassword = (): string => `${random.id()} chaos`

  const countLink = (page: string, difference: number): void => {
    account.requestedLinks.set(page, (account.requestedLinks.get(page) ?? 0) + difference)
  }

  /** Waits for an e-mail with an unused link of this page; undefined when none arrives in time. */
  async function waitForLink(address: string, page: string): Promise<EmailLink | undefined> {
    for (const deadline = Date.now() + EMAIL_TIMEOUT; Date.now() < deadline && !isOver();) {
      const link = mailbox
        .mailboxOf(address)
        .map((email) => email.link)
        .findLast((one) => one?.page === page && !account.usedTokens.has(one.token))
      if (link !== undefined) return link
      await pause(EMAIL_POLL_INTERVAL)
    }
    return undefined
  }

  /** Requests an e-mail with a link, waits for it and uses it. Resolves with the outcome of the use, if any. */
  async function useLink(
    address: string,
    page: string,
    request: () => Promise<Outcome<unknown>>,
    redeem: (token: string) => Promise<Outcome<unknown>>,
  ): Promise<Outcome<unknown> | undefined> {
    const requested = await request()
    if (requested.kind === 'rejected') return undefined
    countLink(page, 1)
    return redeemLink(address, page, redeem)
  }

  async function redeemLink(
    address: string,
    page: string,
    redeem: (token: string) => Promise<Outcome<unknown>>,
  ): Promise<Outcome<unknown> | undefined> {
    const link = await waitForLink(address, page)
    if (link === undefined) return undefined
    const isNewest = account.requestedLinks.get(page) === 1
    account.usedTokens.add(link.token)
    countLink(page, -1)
    const outcome = await redeem(link.token)
    if (outcome.kind === 'rejected' && isNewest)
      runLog.reportViolation({
        rule: 'account-link-rejected',
        subject: `the link ${page} in the e-mail to ${address} (${account.name})`,
        expected: 'accepted, as it is the newest one and unused',
        found: outcome.code,
      })
    return outcome
  }

  /** Signs in after the sessions of the account were ended. */
  async function signInAgain(): Promise<boolean> {
    const session = await signInAccount(actor, account)
    if (session !== undefined) account.session = session
    return session !== undefined
  }

  return {
    verify: async (): Promise<boolean> => {
      const address = currentAddress()
      const redeem = (token: string) => send('verify address', undefined, () => client.verifyAddress(token))
      // The e-mail that follows the registration, else one that the owner asks for.
      const outcome =
        account.isVerified || account.requestedLinks.get(pages.verify) !== 1
          ? await useLink(
              address,
              pages.verify,
              () => send('request verification', address, () => client.requestVerification(account.session)),
              redeem,
            )
          : await redeemLink(address, pages.verify, redeem)
      if (outcome?.kind === 'success') account.isVerified = true
      return true
    },

    reset: async (): Promise<boolean> => {
      const address = currentAddress()
      const password = createPassword()
      const outcome = await useLink(
        address,
        pages.reset,
        () => send('request password reset', address, () => client.requestPasswordReset(address)),
        (token) => send('reset password', address, () => client.resetPassword(token, password)),
      )
      if (outcome === undefined || outcome.kind === 'rejected') return true
      account.passwords.unshift(password)
      return outcome.kind === 'success' && signInAgain()
    },

    change: async (): Promise<boolean> => {
      const [from, to] = [currentAddress(), `${random.id()}@example.test`]
      const input = { email: to, password: currentPassword() }
      const outcome = await useLink(
        to,
        pages.change,
        () => send('request e-mail change', to, () => client.requestEmailChange(account.session, input)),
        (token) => send('change e-mail', from, () => client.changeEmail(token)),
      )
      if (outcome === undefined || outcome.kind === 'rejected') return true
      account.addresses.unshift(to)
      account.isVerified = true
      return outcome.kind === 'success' && signInAgain()
    },

    password: async (): Promise<boolean> => {
      const password = createPassword()
      const outcome = await send('change password', currentAddress(), () =>
        client.changePassword(account.session, currentPassword(), password),
      )
      if (outcome.kind !== 'rejected') account.passwords.unshift(password)
      return outcome.kind !== 'unknown'
    },

    /** Asks for a new password at an address that has no account: nobody gets an e-mail. */
    mistype: async (): Promise<boolean> => {
      const address = `${random.id()}@example.test`
      await send('request password reset', undefined, () => client.requestPasswordReset(address))
      return true
    },

    delete: async (): Promise<boolean> => {
      const outcome = await send('delete account', undefined, () =>
        client.deleteAccount(account.session, currentPassword()),
      )
      account.mayBeDeleted = outcome.kind !== 'rejected'
      if (outcome.kind !== 'success') return false
      const again = await client.signIn({ email: currentAddress(), password: currentPassword() })
      if (again.kind === 'success')
        runLog.reportViolation({
          rule: 'deleted-account-usable',
          subject: account.name,
          expected: 'INVALID_CREDENTIALS, as the account is deleted',
          found: 'a session',
        })
      return true
    },
  }
}

/**
 * Signs in to an account with the addresses and passwords that it may have. All of them being rejected is a violation
 * unless the account may be deleted. Undefined when no attempt succeeded.
 */
export async function signInAccount(
  { client, runLog }: Pick<Actor, 'client' | 'runLog'>,
  { name, addresses, passwords, mayBeDeleted }: OwnedAccount,
): Promise<Session | undefined> {
  let isUnknown = false
  for (const email of addresses)
    for (const password of passwords) {
      const outcome = await client.signIn({ email, password })
      runLog.count('sign in', outcome)
      if (outcome.kind === 'success') return toSession(outcome.value)
      isUnknown ||= outcome.kind === 'unknown'
    }
  if (!isUnknown && !mayBeDeleted)
    runLog.reportViolation({
      rule: 'correct-password-rejected',
      subject: name,
      expected: 'a session with one of the addresses and passwords that it may have',
      found: `all of ${addresses.length} addresses and ${passwords.length} passwords rejected`,
    })
  return undefined
}

/** Sends a request and records it in the run log. */
async function record<T>(
  { runLog }: Pick<Actor, 'runLog'>,
  account: string,
  action: AccountAction,
  recipient: string | undefined,
  request: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const from = Date.now()
  const outcome = await request()
  runLog.recordAccountRequest({ account, action, recipient, from, to: Date.now(), outcome })
  await pauseIfRefused(outcome)
  return outcome
}
