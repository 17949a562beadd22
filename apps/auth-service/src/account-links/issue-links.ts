import type { Logger } from '@halles/telemetry/log'
import type { Encryption } from '@halles/auth/encryption'
import type { UserStore } from '../accounts/users.ts'
import type { RateLimiter } from '../rate-limits/rate-limiter.ts'
import { createLinkToken, linkLifetimes, parseLinkToken, type IssuedLink, type LinkPurpose } from './account-link.ts'
import type { AccountLinkStore } from './account-links.ts'
import type { LinkRequestStore } from './link-requests.ts'

export type LinkIssuerDeps = {
  users: Pick<UserStore, 'findByEmail'>
  accountLinks: Pick<AccountLinkStore, 'save'>
  linkRequests: Pick<LinkRequestStore, 'lease' | 'remove'>
  rateLimiter: Pick<RateLimiter, 'tryEmailToAccount'>
  encryption: Encryption
  log: Logger
  now: () => Date
}

/**
 * Processes every stored link request. An address without an active account, or one that got too many e-mails, gets no
 * link, and its request is removed all the same.
 */
export async function issueRequestedLinks(deps: LinkIssuerDeps): Promise<void> {
  const { users, accountLinks, linkRequests, rateLimiter, log, now } = deps
  for (let request = await linkRequests.lease(now()); request; request = await linkRequests.lease(now())) {
    const { _id, purpose, emailKey, traceparent } = request
    const account = await users.findByEmail(emailKey)
    if (account?.user.active && (await rateLimiter.tryEmailToAccount(emailKey))) {
      const { id } = account.user
      const { stored, link } = await issueLink(deps, id, purpose)
      // A request that is processed again after a crash keeps the link that it has: its e-mail may be sent already. The
      // request's id is the event's id, so even a second event would lead to no second e-mail.
      const event = { id: _id, type: `account.${purpose}-requested`, at: now(), link } as const
      await accountLinks.save(
        id,
        purpose,
        { ...stored, requestId: _id },
        { ...event, ...(traceparent !== undefined && { traceparent }) },
      )
      log.info({ userId: id, purpose }, 'link issued')
    }
    await linkRequests.remove(_id)
  }
}

/** Creates a link: the digest for the store, and the encrypted token for the event that leads to the e-mail. */
export async function issueLink(
  { encryption, now }: Pick<LinkIssuerDeps, 'encryption' | 'now'>,
  userId: string,
  purpose: LinkPurpose,
): Promise<IssuedLink> {
  const token = createLinkToken(userId)
  const expiresAt = new Date(now().getTime() + linkLifetimes[purpose])
  return {
    stored: { digest: parseLinkToken(token).digest, expiresAt },
    link: { sealed: await encryption.encrypt(token), expiresAt },
  }
}
