import { ACCOUNT_DELETIONS, type AccountDeletion } from '@halles/contracts/account-deletions'
import { ACCOUNT_EVENTS, type AccountEvent, type AccountEventType } from '@halles/contracts/account-events'
import { CLOUDEVENTS_JSON } from '@halles/contracts/order-events'
import type { Publisher } from '@halles/service/kafka'
import type { Logger } from '@halles/service/log'
import { rounds } from '@halles/service/rounds'
import type { Sealing } from '@halles/service/sealed'
import { linkLives, newLinkToken, readLinkToken, type KeptLink, type Purpose } from './account-link.ts'
import type { LinkRequests } from './link-requests.ts'
import type { Throttle } from './throttle.ts'
import type { User } from './user.ts'
import type { Users } from './users.ts'

/** What an account has not told yet. */
export type Untold = {
  id: string
  type: AccountEventType | 'account.deleted'
  at: Date
  /** Not told before then. */
  from?: Date
  /** Where its letter goes, if not to the address that the account has. */
  to?: string
  traceparent?: string
  link?: { sealed: string; expiresAt: Date }
}

type Helpers = {
  users: Pick<Users, 'withEmail' | 'putLink' | 'untold' | 'told'>
  linkRequests: Pick<LinkRequests, 'claim' | 'done'>
  throttle: Pick<Throttle, 'letterTo'>
  sealing: Sealing
  publisher: Publisher
  log: Logger
  now: () => Date
}

/** How often it is looked whether there is something to do that nobody told of, in milliseconds. */
const PAUSE = 1000

export type AccountLetters = ReturnType<typeof accountLettersOf>

/**
 * Makes the links that were asked for, and tells Kafka what accounts have not told yet, at least once: in the background,
 * so that no request shows by its time whether an address has an account.
 */
export function accountLettersOf(helpers: Helpers) {
  const work = rounds(
    'account letters',
    PAUSE,
    async () => {
      await makeLinks(helpers)
      await tell(helpers)
    },
    helpers.log,
  )
  return {
    soon: work.soon,
    /** A new link for a user: what is kept of it, and what its letter is told. */
    newLink: (userId: string, purpose: Purpose) => newLink(helpers, userId, purpose),
    stop: async (): Promise<void> => {
      await work.stop()
      await helpers.publisher.close()
    },
  }
}

async function makeLinks({ users, linkRequests, throttle, sealing, log, now }: Helpers): Promise<void> {
  for (let request = await linkRequests.claim(now()); request; request = await linkRequests.claim(now())) {
    const { _id, purpose, emailKey, traceparent } = request
    const account = await users.withEmail(emailKey)
    if (account?.user.active && (await throttle.letterTo(emailKey))) {
      const { id } = account.user
      const { kept, link } = await newLink({ sealing, now }, id, purpose)
      const event = { id: _id, type: `account.${purpose}-requested`, at: now(), link } as const
      await users.putLink(id, purpose, kept, { ...event, ...(traceparent !== undefined && { traceparent }) })
      log.info({ userId: id, purpose }, 'link made')
    }
    await linkRequests.done(_id)
  }
}

async function newLink(
  { sealing, now }: Pick<Helpers, 'sealing' | 'now'>,
  userId: string,
  purpose: Purpose,
): Promise<{ kept: KeptLink; link: NonNullable<Untold['link']> }> {
  const token = newLinkToken(userId)
  const expiresAt = new Date(now().getTime() + linkLives[purpose])
  return {
    kept: { digest: readLinkToken(token).digest, expiresAt },
    link: { sealed: await sealing.seal(token), expiresAt },
  }
}

/** The most accounts whose events go together. */
const MOST = 100

async function tell({ users, publisher, now }: Helpers): Promise<void> {
  for (;;) {
    const accounts = await users.untold(MOST, now())
    const events = accounts.flatMap(({ user, untold }) => untold.map((event) => cloudEvent(user, event)))
    const [letters, deletions] = [events.filter(isForLetters), events.filter((event) => !isForLetters(event))]
    if (letters.length > 0) await publisher.send(ACCOUNT_EVENTS, letters.map(messageOf))
    if (deletions.length > 0) await publisher.send(ACCOUNT_DELETIONS, deletions.map(messageOf))
    for (const { user, untold } of accounts)
      await users.told(
        user.id,
        untold.map(({ id }) => id),
      )
    if (accounts.length < MOST) return
  }
}

const isForLetters = (event: AccountEvent | AccountDeletion): event is AccountEvent => event.type !== 'account.deleted'

const messageOf = (event: AccountEvent | AccountDeletion) => ({
  key: event.subject,
  value: JSON.stringify(event),
  headers: { 'content-type': CLOUDEVENTS_JSON },
})

function cloudEvent(user: User, { id, type, at, to, traceparent, link }: Untold): AccountEvent | AccountDeletion {
  const { name, email, locale, role } = user
  const frame = {
    specversion: '1.0',
    id,
    source: '/auth-service',
    subject: user.id,
    time: at.toISOString(),
    datacontenttype: 'application/json',
    ...(traceparent !== undefined && { traceparent }),
  } as const
  if (type === 'account.deleted') return { ...frame, type, data: { user: { id: user.id } } }
  return {
    ...frame,
    type,
    data: {
      user: { id: user.id, name, email: to ?? email, locale, role },
      ...(link && { link: { sealed: link.sealed, expiresAt: link.expiresAt.toISOString() } }),
    },
  }
}
