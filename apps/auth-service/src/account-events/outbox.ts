import { ACCOUNT_DELETIONS, type AccountDeletion } from '@halles/contracts/account-deletions'
import { ACCOUNT_EVENTS, type AccountEvent } from '@halles/contracts/account-events'
import { CLOUDEVENTS_JSON } from '@halles/contracts/order-events'
import type { Publisher } from '@halles/kafka/kafka'
import { pollEvery } from '@halles/concurrency/poll-every'
import { issueLink, issueRequestedLinks, type LinkIssuerDeps } from '../account-links/issue-links.ts'
import type { LinkPurpose } from '../account-links/account-link.ts'
import { toCloudEvent } from './account-event.ts'
import type { PendingEventStore } from './pending-events.ts'

type Deps = LinkIssuerDeps & { pendingEvents: PendingEventStore; publisher: Publisher }

/** The pause between two polls when no request wakes the worker, in milliseconds. */
const POLL_INTERVAL = 1000

/** The most accounts whose events are published in one batch. */
const BATCH_SIZE = 100

export type Outbox = ReturnType<typeof createOutbox>

/**
 * Starts the background worker that issues requested links and publishes pending events, at least once. It runs apart from
 * requests, so that no response time reveals whether an address has an account.
 */
export function createOutbox(deps: Deps) {
  const worker = pollEvery(
    'account events',
    POLL_INTERVAL,
    async () => {
      await issueRequestedLinks(deps)
      await publishPendingEvents(deps)
    },
    deps.log,
  )
  return {
    /** Starts the next poll at once. */
    wake: worker.wake,
    /** Issues a link for a user: what the store keeps, and what the event about it contains. */
    issueLink: (userId: string, purpose: LinkPurpose) => issueLink(deps, userId, purpose),
    stop: async (): Promise<void> => {
      await worker.stop()
      await deps.publisher.close()
    },
  }
}

async function publishPendingEvents({ pendingEvents, publisher, now }: Deps): Promise<void> {
  for (;;) {
    const accounts = await pendingEvents.findDue(BATCH_SIZE, now())
    const events = accounts.flatMap((account) => account.events.map((event) => toCloudEvent(account.user, event)))
    const deletions = events.filter((event) => event.type === 'account.deleted')
    const others = events.filter((event) => event.type !== 'account.deleted')
    if (others.length > 0) await publisher.send(ACCOUNT_EVENTS, others.map(toMessage))
    if (deletions.length > 0) await publisher.send(ACCOUNT_DELETIONS, deletions.map(toMessage))
    for (const account of accounts)
      await pendingEvents.markPublished(
        account.user.id,
        account.events.map(({ id }) => id),
      )
    if (accounts.length < BATCH_SIZE) return
  }
}

const toMessage = (event: AccountEvent | AccountDeletion) => ({
  key: event.subject,
  value: JSON.stringify(event),
  headers: { 'content-type': CLOUDEVENTS_JSON },
})
