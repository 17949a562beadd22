import { ACCOUNT_EVENTS, type AccountEvent, type AccountEventType } from '@halles/contracts/account-events'
import { CLOUDEVENTS_JSON } from '@halles/contracts/order-events'
import type { Publisher } from '@halles/service/kafka'
import type { Logger } from '@halles/service/log'
import { rounds } from '@halles/service/rounds'
import type { Sealing } from '@halles/service/sealed'
import { linkLives, newLinkToken, readLinkToken } from './account-link.ts'
import type { LinkRequests } from './link-requests.ts'
import type { Throttle } from './throttle.ts'
import type { User } from './user.ts'
import type { Users } from './users.ts'

/** What an account has not told yet. */
export type Untold = {
  id: string
  type: AccountEventType
  at: Date
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
      const token = newLinkToken(id)
      const at = now()
      const expiresAt = new Date(at.getTime() + linkLives[purpose])
      await users.putLink(
        id,
        purpose,
        { digest: readLinkToken(token).digest, expiresAt },
        {
          id: _id,
          type: `account.${purpose}-requested`,
          at,
          ...(traceparent !== undefined && { traceparent }),
          link: { sealed: await sealing.seal(token), expiresAt },
        },
      )
      log.info({ userId: id, purpose }, 'link made')
    }
    await linkRequests.done(_id)
  }
}

/** The most accounts whose events go together. */
const MOST = 100

async function tell({ users, publisher }: Helpers): Promise<void> {
  for (;;) {
    const accounts = await users.untold(MOST)
    const messages = accounts.flatMap(({ user, untold }) =>
      untold.map((event) => ({
        key: user.id,
        value: JSON.stringify(accountEvent(user, event)),
        headers: { 'content-type': CLOUDEVENTS_JSON },
      })),
    )
    if (messages.length > 0) await publisher.send(ACCOUNT_EVENTS, messages)
    for (const { user, untold } of accounts)
      await users.told(
        user.id,
        untold.map(({ id }) => id),
      )
    if (accounts.length < MOST) return
  }
}

function accountEvent(user: User, { id, type, at, traceparent, link }: Untold): AccountEvent {
  const { name, email, locale, role } = user
  return {
    specversion: '1.0',
    id,
    source: '/auth-service',
    type,
    subject: user.id,
    time: at.toISOString(),
    datacontenttype: 'application/json',
    ...(traceparent !== undefined && { traceparent }),
    data: {
      user: { id: user.id, name, email, locale, role },
      ...(link && { link: { sealed: link.sealed, expiresAt: link.expiresAt.toISOString() } }),
    },
  }
}
