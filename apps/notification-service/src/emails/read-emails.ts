import { signedIn, type Person } from '@halles/service/person'
import type { Page } from '@halles/service/page'
import { Refusal } from '@halles/service/refusal'
import { Closed, PageQuery } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import { emailStatuses, ownerScope, type Email } from './email.ts'
import type { EmailStore } from './emails.ts'

export const EmailsQuery = Closed({
  orderId: Type.Optional(Type.String({ maxLength: 200, description: 'Only notifications about this order' })),
  status: Type.Optional(Type.Enum([...emailStatuses])),
  ...PageQuery,
})
export type EmailsQuery = Static<typeof EmailsQuery>

/**
 * Returns a page of e-mails, newest first: everyone's for an admin, else the principal's own.
 *
 * @throws AppError `UNAUTHENTICATED`; `VALIDATION_FAILED` for a cursor of another list.
 */
export async function listEmails(
  { emails }: { emails: Pick<EmailStore, 'findPage'> },
  principal: Person | undefined,
  { orderId, status, first, after }: EmailsQuery,
): Promise<Page<Email>> {
  const owner = ownerScope(signedIn(principal))
  return emails.findPage({ owner, orderId, status }, { first, after })
}

/**
 * Returns the e-mails with these ids, in this order, with a `NOT_FOUND` error in place of each that does not exist or that
 * the principal must not see.
 *
 * @throws AppError `UNAUTHENTICATED`.
 */
export async function findEmailsById(
  { emails }: { emails: Pick<EmailStore, 'findByIds'> },
  principal: Person | undefined,
  ids: string[],
): Promise<(Email | Refusal)[]> {
  const found = await emails.findByIds(ids, ownerScope(signedIn(principal)))
  const byId = new Map(found.map((email) => [email.id, email]))
  return ids.map((id) => byId.get(id) ?? new Refusal('NOT_FOUND', 'There is no such notification.'))
}

/**
 * Returns for each order, in this order, the e-mails about it that the principal may see, oldest first: none for the order
 * of another customer.
 *
 * @throws AppError `UNAUTHENTICATED`.
 */
export async function findEmailsByOrder(
  { emails }: { emails: Pick<EmailStore, 'findByOrders'> },
  principal: Person | undefined,
  orderIds: string[],
): Promise<Email[][]> {
  const found = await emails.findByOrders([...new Set(orderIds)], ownerScope(signedIn(principal)))
  const byOrder = Map.groupBy(found, ({ orderId }) => orderId)
  return orderIds.map((id) => byOrder.get(id) ?? [])
}
